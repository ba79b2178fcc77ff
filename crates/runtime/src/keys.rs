//! Key material of one service, and the keys derived from it.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Secrets of one process: the service's own key, and the shared key with which all services sign contexts.
///
/// Never printed: [`fmt::Debug`] shows none of it.
#[derive(Clone)]
pub struct Keys {
    service: Arc<[u8; 32]>,
    context: Arc<[u8; 32]>,
}

impl Keys {
    /// Separately configured keys, as in a production deployment: a service then cannot derive another's.
    pub fn new(service: [u8; 32], context: [u8; 32]) -> Self {
        Self { service: Arc::new(service), context: Arc::new(context) }
    }

    /// Both keys from the installation's master key, for one process that runs everything.
    pub fn from_master(master: &[u8; 32], service: &str) -> Self {
        Self::new(derive(master, &format!("service:{service}")), derive(master, "context"))
    }

    /// Derives a key for one purpose of this service; the same label gives the same key.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        derive(&self.service, label)
    }

    /// The key that signs contexts between gateway and services.
    pub fn context(&self) -> &[u8; 32] {
        &self.context
    }

    /// Password of one of the service's database roles.
    pub fn database_password(&self, role: &str) -> String {
        hex(&self.derive(&format!("database:{role}")))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(redacted)")
    }
}

/// A key as 64 hexadecimal digits.
pub fn hex(key: &[u8; 32]) -> String {
    use fmt::Write as _;
    key.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// HMAC-SHA256 of a label: HKDF without its extract step, which uniform keys do not need.
pub fn derive(key: &[u8; 32], label: &str) -> [u8; 32] {
    mac(key, &[label.as_bytes()])
}

/// HMAC-SHA256 over several parts.
///
/// # Panics
///
/// Never: HMAC accepts keys of any length.
pub fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
