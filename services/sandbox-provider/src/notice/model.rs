//! Signed notices (Standard Webhooks 1.0).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

/// One copy of a notice: the key of its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoticeCopy {
    /// The notice.
    pub notice: Uuid,
    /// From 0.
    pub copy: u32,
}

/// The payload of a copy's timer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct DeliveryAttempt {
    /// From 0.
    pub attempt: u32,
}

impl fmt::Display for NoticeCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.notice, self.copy)
    }
}

impl FromStr for NoticeCopy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (notice, copy) = text.split_once('.')?;
            Some(Self { notice: Uuid::try_parse(notice).ok()?, copy: copy.parse().ok()? })
        };
        parse().ok_or("this is no copy of a notice")
    }
}

/// The waits between the attempts to deliver a notice.
const RETRIES: [TimeDelta; 7] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(10),
];

/// The wait after failed attempt number `attempt` (from 0); none when it was the last.
pub(super) fn retry_after(attempt: u32) -> Option<TimeDelta> {
    RETRIES.get(usize::try_from(attempt).ok()?).copied()
}

/// The value of `webhook-signature`.
///
/// # Panics
/// Never: HMAC takes a key of any length.
pub(super) fn sign(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The body of a notice about an object.
pub(super) fn body(id: &str, object: &Value) -> Value {
    let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    json!({ "id": id, "type": format!("{}.{}", text("object"), text("status")), "data": object })
}
