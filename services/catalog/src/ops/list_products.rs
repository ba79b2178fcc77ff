//! `GET /v1/catalog/products`: the hot read. The channel is remembered, one statement sets the tenant and yields finished
//! documents, and they are joined into the answer without being read.

use std::fmt::Write as _;

use bloom_fault::Fault;
use bloom_runtime::{Audience, RequestContext};
use bloom_web::RawJson;
use bloom_web::page::Page;

use crate::Catalog;
use crate::domain::list::{ListItem, ListPosition, ListQuery};
use crate::freshness::tag_of;
use crate::store::list::{ListRow, listing_page};

/// Room for one item when the answer is put together.
const ITEM_BYTES: usize = 256;

/// One page of products in the caller's channel. `seen` is the `ETag` that the caller holds.
pub async fn list_products(
    app: &Catalog,
    call: &RequestContext,
    query: &ListQuery,
    seen: Option<&str>,
) -> Result<RawJson<Page<ListItem>>, Fault> {
    let shape = query.shape(call.audience != Audience::Publishable)?;
    let channel = app.channels.resolve(call.tenant, call.channel).await?;
    let mut filter = query.fingerprint();
    filter.extend_from_slice(channel.id.uuid().as_bytes());
    let page = [u8::try_from(query.limit.get()).unwrap_or_default()];
    let key = app.freshness.key(call.tenant, &[&filter, &page, query.cursor.as_deref().unwrap_or_default().as_bytes()]);
    if let Some(seen) = seen
        && app.freshness.tag(&key).await.is_some_and(|tag| tag == seen)
    {
        // The outermost layer makes a 304 of an answer with the tag that the caller holds.
        return Ok(RawJson::new(String::new()).etag(seen.to_owned()));
    }
    let after: Option<ListPosition> = app.cursors.position(call.tenant, &filter, query.cursor.as_deref())?;
    let limit = query.limit.get();
    let rows = listing_page(&app.db, call.tenant, channel.id, &shape, after.as_ref(), limit + 1).await?;
    let text = stitch(app, call, &filter, &rows, query.limit.items())?;
    let tag = tag_of(&text);
    app.freshness.remember(key, tag.clone()).await;
    Ok(RawJson::new(text).etag(tag))
}

/// `{"data":[…],"page":{"limit":…,"next":…}}` out of finished items.
fn stitch(app: &Catalog, call: &RequestContext, filter: &[u8], rows: &[ListRow], limit: usize) -> Result<String, Fault> {
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
            // One row more than fits: the page goes on behind its last item.
            Some(_) => {
                next = Some(rows[limit - 1].position()?);
                break;
            }
            // The filters looked as far as this row.
            None => next = Some(row.position()?),
        }
    }
    // Cursors are base64url: nothing to escape.
    let next = next.map(|position| format!("\"{}\"", app.cursors.cursor(call.tenant, filter, &position)));
    let _ = write!(text, r#"],"page":{{"limit":{limit},"next":{}}}}}"#, next.as_deref().unwrap_or("null"));
    Ok(text)
}
