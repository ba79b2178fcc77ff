//! Signed notices (Standard Webhooks 1.0).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// A notice that is not taken is sent again after these waits.
const RETRIES: [TimeDelta; 7] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(10),
];

/// How long to wait after failed attempt number `attempt` (from 0); nothing when it is given up.
pub fn retry_after(attempt: u32) -> Option<TimeDelta> {
    RETRIES.get(usize::try_from(attempt).ok()?).copied()
}

/// The value of `webhook-signature`.
///
/// # Panics
/// Never: HMAC takes a key of any length.
pub fn sign(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The body of a notice about an object.
pub fn body(id: &str, object: &Value) -> Value {
    let word = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    json!({ "id": id, "type": format!("{}.{}", word("object"), word("status")), "data": object })
}
