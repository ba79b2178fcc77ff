//! Pages: bounded limits, and cursors that cannot be forged or used for another tenant or filter.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::TenantId;

const PREFIX: &str = "cursor_";
const TAG_LEN: usize = 16;

/// The key that signs cursors.
#[derive(Clone, Copy)]
pub struct CursorKey(pub [u8; 32]);

/// Encodes a position as a signed cursor that is valid for this tenant and this filter only.
///
/// # Panics
///
/// When the position cannot be serialised as JSON; positions are plain structs.
pub fn cursor_encode(key: &CursorKey, tenant: TenantId, filter: &[u8], position: &impl Serialize) -> String {
    let mut bytes = serde_json::to_vec(position).expect("a cursor position is plain JSON");
    let tag = mac(key, tenant, filter, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&tag[..TAG_LEN]);
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Decodes a cursor; `None` when it was not made by [`cursor_encode`] with the same key, tenant and filter.
pub fn cursor_decode<T: DeserializeOwned>(key: &CursorKey, tenant: TenantId, filter: &[u8], cursor: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.strip_prefix(PREFIX)?).ok()?;
    let (position, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
    mac(key, tenant, filter, position).verify_truncated_left(tag).ok()?;
    serde_json::from_slice(position).ok()
}

fn mac(key: &CursorKey, tenant: TenantId, filter: &[u8], position: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
    mac.update(tenant.uuid().as_bytes());
    mac.update(&Sha256::digest(filter));
    mac.update(position);
    mac
}

/// How many things a page holds at most: 1 to 100, 20 when not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Limit(u16);

impl Limit {
    /// The largest page.
    pub const MAX: u16 = 100;

    /// A limit from 1 to 100.
    pub const fn new(limit: u16) -> Option<Self> {
        if 1 <= limit && limit <= Self::MAX { Some(Self(limit)) } else { None }
    }

    /// The limit as a number of rows.
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }

    /// The limit as a number of items in memory.
    pub fn items(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u16> for Limit {
    type Error = &'static str;

    fn try_from(limit: u16) -> Result<Self, Self::Error> {
        Self::new(limit).ok_or("a limit is between 1 and 100")
    }
}

impl From<Limit> for u16 {
    fn from(limit: Limit) -> Self {
        limit.0
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MAX, "default": 20 })
    }
}
