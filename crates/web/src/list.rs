//! Lists: one extractor for `limit`, `cursor` and a filter from the query string; it builds a page with a signed
//! cursor.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRequestParts, MatchedPath};
use bloom_fault::{Code, Fault, ViolationCode};
use bloom_kernel::{CursorKey, Limit, TenantId, cursor_decode, cursor_encode};
use bloom_runtime::RequestContext;
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::page::{Page, PageInfo, PageQuery};
use crate::query::{self, parse_query, split_query};
use crate::reply::Reply;

/// The key that signs the cursors of one service; the middleware adds it to each request.
#[derive(Clone, Copy)]
pub(crate) struct CursorSecret(pub(crate) CursorKey);

/// A list that cannot be filtered.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

/// A request for a page of a list, filtered by `F`. Parameters other than `limit`, `cursor` and the fields of `F` are
/// refused.
pub struct List<F>(pub PageRequest<F>);

/// The parameters of a list request.
pub struct PageRequest<F> {
    /// The filter.
    pub filter: F,
    /// Maximum number of items of the page.
    pub limit: Limit,
    /// `next` of the previous page.
    pub cursor: Option<String>,
    tenant: TenantId,
    key: CursorKey,
    /// Route and filter: a cursor is valid for these only.
    scope: Vec<u8>,
}

impl<F: DeserializeOwned + Serialize + JsonSchema + 'static, S: Send + Sync> FromRequestParts<S> for List<F> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let internal = |what: &str| Fault::internal(format!("a list was requested outside of a service: no {what}"));
        let tenant = parts.extensions.get::<RequestContext>().ok_or_else(|| internal("context"))?.tenant;
        let CursorSecret(key) = *parts.extensions.get().ok_or_else(|| internal("cursor key"))?;
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let (page, filter) = split_query(parts.uri.query().unwrap_or_default(), &["limit", "cursor"]);
        let (PageQuery { limit, cursor }, filter) = match (parse_query(&page), parse_query::<F>(&filter)) {
            (Ok(page), Ok(filter)) => (page, filter),
            (Err(fault), Ok(_)) | (Ok(_), Err(fault)) => return Err(fault),
            (Err(fault), Err(other)) => {
                let others = other.errors.iter().cloned();
                return Err(others.fold(fault, |fault, wrong| fault.at(wrong.pointer, wrong.code, wrong.message)));
            }
        };
        let scope = serde_json::to_vec(&(route, parts.uri.path(), &filter)).map_err(Fault::internal)?;
        Ok(Self(PageRequest { filter, limit, cursor, tenant, key, scope }))
    }
}

/// Paging for a list requested with a body, such as a search: the body has limit, cursor and filter.
pub struct Paging {
    tenant: TenantId,
    key: CursorKey,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let internal = |what: &str| Fault::internal(format!("a list was requested outside of a service: no {what}"));
        let tenant = parts.extensions.get::<RequestContext>().ok_or_else(|| internal("context"))?.tenant;
        let CursorSecret(key) = *parts.extensions.get().ok_or_else(|| internal("cursor key"))?;
        Ok(Self { tenant, key, path: parts.uri.path().to_owned() })
    }
}

impl Paging {
    /// The list request that a body stands for.
    pub fn request<F: Serialize>(self, filter: F, limit: Limit, cursor: Option<String>) -> Result<PageRequest<F>, Fault> {
        let scope = serde_json::to_vec(&(self.path, &filter)).map_err(Fault::internal)?;
        Ok(PageRequest { filter, limit, cursor, tenant: self.tenant, key: self.key, scope })
    }
}

impl OperationInput for Paging {}

impl<F> PageRequest<F> {
    /// The position after which the page begins; `None` for the first page. 400 when the cursor is malformed or belongs
    /// to another tenant, list or filter.
    pub fn after<P: DeserializeOwned>(&self) -> Result<Option<P>, Fault> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        cursor_decode(&self.key, self.tenant, &self.scope, cursor).map(Some).ok_or_else(|| {
            Fault::new(
                Code::Invalid,
                "cursor_invalid",
                "The cursor does not belong to this list and filter. Start again without it, and change no filter between pages.",
            )
            .at("cursor", ViolationCode::Format, "This is no cursor of this list and filter.")
        })
    }

    /// How many rows to read: one more than the page holds, to find out whether there is a next page.
    pub fn rows(&self) -> i64 {
        self.limit.get() + 1
    }

    /// The cursor of a position, for a reply that is built without [`finish`](Self::finish).
    pub fn cursor_at(&self, position: &impl Serialize) -> String {
        cursor_encode(&self.key, self.tenant, &self.scope, position)
    }

    /// Builds the page from at most [`rows`](Self::rows) rows; `position` is the sort key of the list.
    pub fn finish<T, P: Serialize>(&self, mut rows: Vec<T>, position: impl Fn(&T) -> P) -> Reply<Page<T>> {
        let count = self.limit.items();
        let more = rows.len() > count;
        rows.truncate(count);
        let next = rows.last().filter(|_| more).map(|last| self.cursor_at(&position(last)));
        Reply::ok(Page { data: rows, page: PageInfo { limit: self.limit.get(), next } })
    }
}

impl<F: JsonSchema> OperationInput for List<F> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        query::describe::<F>(ctx, operation);
        query::describe::<PageQuery>(ctx, operation);
    }
}
