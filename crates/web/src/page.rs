//! Pages of lists: limit, signed keyset cursor, envelope.

use bloom_fault::{Code, Fault, ViolationCode};
use bloom_kernel::{CursorKey, Limit, TenantId, cursor_decode, cursor_encode};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use bloom_runtime::ServiceContext;

/// One page of a list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The items, in the order asked for.
    pub data: Vec<T>,
    /// Where this page stands.
    pub page: PageInfo,
}

/// Where a page stands in its list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PageInfo {
    /// Most items that the page could hold.
    pub limit: i64,
    /// Cursor of the next page; `null` at the end.
    pub next: Option<String>,
}

/// `limit` and `cursor` of a list without filters. A list with filters repeats both fields: `flatten` would break numbers in
/// query strings and let unknown parameters through.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Reads and writes the cursors of one service.
pub struct Cursors {
    key: CursorKey,
}

impl Cursors {
    /// The cursors of the context's service.
    pub fn new(host: &ServiceContext) -> Self {
        Self { key: CursorKey(host.keys.derive("cursor")) }
    }

    /// The position of a cursor: 400 when it is malformed or belongs to another tenant, list or filter.
    pub fn position<P: DeserializeOwned>(
        &self,
        tenant: TenantId,
        filter: &[u8],
        cursor: Option<&str>,
    ) -> Result<Option<P>, Fault> {
        let Some(cursor) = cursor else { return Ok(None) };
        cursor_decode(&self.key, tenant, filter, cursor).map(Some).ok_or_else(|| {
            Fault::new(
                Code::Invalid,
                "cursor_invalid",
                "The cursor does not belong to this list and filter. Start again without it, and change no filter between pages.",
            )
            .at("cursor", ViolationCode::Format, "This is no cursor of this list and filter.")
        })
    }

    /// The cursor of a position.
    pub fn cursor(&self, tenant: TenantId, filter: &[u8], position: &impl Serialize) -> String {
        cursor_encode(&self.key, tenant, filter, position)
    }

    /// Builds a page from up to `limit + 1` rows: an extra row means that there is a next page.
    pub fn page<T, P: Serialize>(
        &self,
        tenant: TenantId,
        filter: &[u8],
        limit: Limit,
        mut rows: Vec<T>,
        position: impl Fn(&T) -> P,
    ) -> Page<T> {
        let count = limit.items();
        let more = rows.len() > count;
        rows.truncate(count);
        let next = rows.last().filter(|_| more).map(|last| self.cursor(tenant, filter, &position(last)));
        Page { data: rows, page: PageInfo { limit: limit.get(), next } }
    }
}
