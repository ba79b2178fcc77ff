//! Signatures of provider webhooks (Standard Webhooks 1.0): `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A signed notice is accepted this long before and after its time stamp.
pub const TOLERANCE_S: i64 = 300;

/// Why a notice is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// No signature of ours is on it.
    Signature,
    /// Signed too long ago, or in the future: a recorded notice played back.
    Stale,
}

/// The headers of a notice.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`, Unix seconds
    pub timestamp: i64,
    /// `webhook-signature`: one or more, separated by spaces
    pub signatures: &'a str,
}

/// Checks a notice against the secret shared with the provider.
pub fn verify(secret: &[u8], signed: Signed<'_>, body: &[u8], now_s: i64) -> Result<(), Forgery> {
    let genuine = signed
        .signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| mac(secret, signed.id, signed.timestamp, body).verify_slice(&signature).is_ok());
    if !genuine {
        return Err(Forgery::Signature);
    }
    if TOLERANCE_S < now_s.abs_diff(signed.timestamp).try_into().unwrap_or(i64::MAX) {
        return Err(Forgery::Stale);
    }
    Ok(())
}

fn mac(secret: &[u8], id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    mac
}
