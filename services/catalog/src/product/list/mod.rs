//! `GET /v1/catalog/products`, the most frequent read. The channel is cached, one statement sets the tenant and returns finished
//! documents, and these are joined into the reply without being parsed.

mod query;
mod store;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::ChannelId;
use bloom_runtime::Audience;
use bloom_web::{Caller, List, Page, PageRequest, RawJson};
use http::{HeaderMap, header};

use self::query::{ListFilter, ListPosition};
use self::store::{ListRow, listing_page};
use crate::listing::{ProductListItem, etag_of};
use crate::{Catalog, CatalogRead};

/// Expected size of one item.
const ITEM_BYTES: usize = 256;

pub(super) async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    List(page): List<ListFilter>,
    headers: HeaderMap,
) -> Result<RawJson<Page<ProductListItem>>, Fault> {
    let if_none_match = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let shape = page.filter.shape(caller.audience != Audience::Publishable)?;
    let channel = app.channels.resolve(caller.tenant, caller.channel).await?;
    let parts = (channel.id, &page.filter, page.limit, &page.cursor);
    let key = app.list_etags.key(caller.tenant, &serde_json::to_vec(&parts).map_err(Fault::internal)?);
    if let Some(etag) = if_none_match
        && app.list_etags.get(&key).is_some_and(|cached| cached == etag)
    {
        // The outermost layer makes a 304 of a reply with the ETag that the caller has.
        return Ok(RawJson::new(String::new()).etag(etag.to_owned()));
    }
    let after = position_in(&page, channel.id)?;
    let rows = listing_page(&app.db, caller.tenant, channel.id, &shape, after.as_ref(), page.rows()).await?;
    let body = join(&page, channel.id, &rows)?;
    let etag = etag_of(&body);
    app.list_etags.insert(key, etag.clone());
    Ok(RawJson::new(body).etag(etag))
}

/// The position of the cursor, which is valid in one channel.
fn position_in(page: &PageRequest<ListFilter>, channel: ChannelId) -> Result<Option<ListPosition>, Fault> {
    match page.after::<(ChannelId, ListPosition)>()? {
        None => Ok(None),
        Some((of_cursor, position)) if of_cursor == channel => Ok(Some(position)),
        Some(_) => {
            Err(Fault::new(Code::Invalid, "cursor_invalid", "The cursor belongs to another channel. Start again without it."))
        }
    }
}

/// Builds `{"data":[…],"page":{"limit":…,"next":…}}` from finished items.
fn join(page: &PageRequest<ListFilter>, channel: ChannelId, rows: &[ListRow]) -> Result<String, Fault> {
    let limit = page.limit.items();
    let mut text = String::with_capacity(rows.len() * ITEM_BYTES + 256);
    text.push_str(r#"{"data":["#);
    let (mut items, mut next) = (0, None);
    for row in rows {
        match row.doc()? {
            Some(doc) if items < limit => {
                if 0 < items {
                    text.push(',');
                }
                text.push_str(doc);
                items += 1;
            }
            // One row more than fits: the next page begins after the last item.
            Some(_) => {
                next = Some(rows[limit - 1].position()?);
                break;
            }
            // The last row that the filters have read.
            None => next = Some(row.position()?),
        }
    }
    // Cursors are base64url: nothing to escape.
    let next = next.map(|position| format!("\"{}\"", page.cursor_at(&(channel, position))));
    let _ = write!(text, r#"],"page":{{"limit":{limit},"next":{}}}}}"#, next.as_deref().unwrap_or("null"));
    Ok(text)
}
