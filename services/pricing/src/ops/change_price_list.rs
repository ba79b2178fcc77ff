//! Making a price list and changing its terms.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::PriceListId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use super::known::channel_known;
use super::republish::{Scope, pass_begin, turns_schedule};
use crate::Pricing;
use crate::domain::price_list::{PriceList, PriceListCreate, PriceListUpdate};
use crate::error;
use crate::events::tell;
use crate::store::price_list::{price_list_insert, price_list_lock, price_list_update};
use crate::store::terms::terms_change;

/// Makes a list. It holds no prices yet, so nothing is published anew.
pub async fn price_list_create(
    app: &Pricing,
    call: &RequestContext,
    input: PriceListCreate,
) -> Result<Reply<PriceList, 201>, Fault> {
    channel_known(app, call, input.channel_id).await?;
    let mut tx = match app.db.begin(call, "price_list_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(call.tenant);
    let list = PriceList::create(app.host.id(call.tenant), input, now).map_err(error::of_list)?;
    price_list_insert(&mut tx, &list).await.map_err(error::of)?;
    turns_schedule(&mut tx, now, &list).await?;
    tell(app, &mut tx, call, "price_list.created", (list.id, list.version), &list).await?;
    let version = list.version;
    tx.finish(Reply::created(list).etag(version)).await
}

/// Changes a list; its variants are published anew by a pass.
pub async fn price_list_change(
    app: &Pricing,
    call: &RequestContext,
    id: PriceListId,
    expected: i64,
    input: PriceListUpdate,
) -> Result<Reply<PriceList>, Fault> {
    channel_known(app, call, input.channel_id.flatten()).await?;
    let mut tx = match app.db.begin(call, "price_list_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    terms_change(&mut tx).await?;
    let list = price_list_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("price list"))?;
    if list.version != expected {
        return Err(IfMatch::stale());
    }
    let now = app.host.now(call.tenant);
    let list = list.update(input, now).map_err(error::of_list)?;
    price_list_update(&mut tx, &list).await.map_err(error::of)?;
    turns_schedule(&mut tx, now, &list).await?;
    pass_begin(&mut tx, now, Scope::List(id, list.version)).await?;
    tell(app, &mut tx, call, "price_list.updated", (id, list.version), &list).await?;
    let version = list.version;
    tx.finish(Reply::ok(list).etag(version)).await
}
