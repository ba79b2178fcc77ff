//! Signatures of provider webhooks (Standard Webhooks 1.0): `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A notice is accepted for so long before and after its time stamp.
const TOLERANCE_S: i64 = 300;

/// Why a notice is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureError {
    /// None of its signatures was made with the secret.
    Mismatch,
    /// Signed too long ago, or in the future: perhaps a recorded notice that is sent again.
    Stale,
}

/// The headers that sign a notice.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignatureHeaders<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`, Unix seconds
    pub timestamp: i64,
    /// `webhook-signature`: one or more, separated by spaces
    pub signatures: &'a str,
}

/// Checks a notice against the secret shared with the provider.
pub(super) fn verify(secret: &[u8], headers: SignatureHeaders<'_>, body: &[u8], now_s: i64) -> Result<(), SignatureError> {
    let is_signed = headers
        .signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| mac(secret, headers.id, headers.timestamp, body).verify_slice(&signature).is_ok());
    if !is_signed {
        return Err(SignatureError::Mismatch);
    }
    if TOLERANCE_S < now_s.abs_diff(headers.timestamp).try_into().unwrap_or(i64::MAX) {
        return Err(SignatureError::Stale);
    }
    Ok(())
}

fn mac(secret: &[u8], id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    mac
}
