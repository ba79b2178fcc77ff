//! `GET /v1/catalog/products`: the hot read. The channel is cached, one statement sets the tenant and returns finished
//! documents, and these are joined into the reply without being parsed.

mod query;
mod store;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use axum::extract::State;
use bloom_fault::Fault;
use bloom_runtime::{Audience, RequestContext};
use bloom_web::page::Page;
use bloom_web::{Caller, Query, RawJson};
use http::{HeaderMap, header};

use self::query::{ListPosition, ListQuery};
use self::store::{ListRow, listing_page};
use crate::Catalog;
use crate::listing::{ListItem, etag_of};
use crate::permissions::CatalogRead;

/// Expected size of one item.
const ITEM_BYTES: usize = 256;

pub(super) async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<RawJson<Page<ListItem>>, Fault> {
    let if_none_match = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let shape = query.shape(caller.audience != Audience::Publishable)?;
    let channel = app.channels.resolve(caller.tenant, caller.channel).await?;
    let mut filter = query.fingerprint();
    filter.extend_from_slice(channel.id.uuid().as_bytes());
    let limit = [u8::try_from(query.limit.get()).unwrap_or_default()];
    let key = app.list_etags.key(caller.tenant, &[&filter, &limit, query.cursor.as_deref().unwrap_or_default().as_bytes()]);
    if let Some(etag) = if_none_match
        && app.list_etags.get(&key).await.is_some_and(|cached| cached == etag)
    {
        // The outermost layer makes a 304 of a reply with the ETag that the caller has.
        return Ok(RawJson::new(String::new()).etag(etag.to_owned()));
    }
    let after: Option<ListPosition> = app.cursors.position(caller.tenant, &filter, query.cursor.as_deref())?;
    let rows = listing_page(&app.db, caller.tenant, channel.id, &shape, after.as_ref(), query.limit.get() + 1).await?;
    let body = join(&app, &caller, &filter, &rows, query.limit.items())?;
    let etag = etag_of(&body);
    app.list_etags.insert(key, etag.clone()).await;
    Ok(RawJson::new(body).etag(etag))
}

/// `{"data":[…],"page":{"limit":…,"next":…}}` out of finished items.
fn join(app: &Catalog, call: &RequestContext, filter: &[u8], rows: &[ListRow], limit: usize) -> Result<String, Fault> {
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
            // The last row that the filters looked at.
            None => next = Some(row.position()?),
        }
    }
    // Cursors are base64url: nothing to escape.
    let next = next.map(|position| format!("\"{}\"", app.cursors.cursor(call.tenant, filter, &position)));
    let _ = write!(text, r#"],"page":{{"limit":{limit},"next":{}}}}}"#, next.as_deref().unwrap_or("null"));
    Ok(text)
}
