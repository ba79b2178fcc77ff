//! Changes the merchant's notes on an order.

use bloom_db::Begin;
use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{MetadataPatch, OrderId};
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read_order::read_order;
use super::save_order::{Change, locked, save};
use crate::Orders;
use crate::domain::order::Order;

/// Changes to an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderPatch {
    /// Pairs to merge into the metadata; `null` removes a key.
    pub metadata: MetadataPatch,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    order_id: OrderId,
}

/// Changes the notes of the version that the merchant saw.
pub async fn update_order(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    if_match: IfMatch,
    patch: OrderPatch,
) -> Result<Reply<Order>, Fault> {
    let seen = if_match.required()?;
    refuse_card_numbers(patch.metadata.pairs())?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 200>>(call, "order_update", &(id, seen, &patch)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(_) => return read_order(app, call, id).await.map(Reply::repeated),
    };
    let (mut order, _) = locked(&mut tx, id).await?;
    if_match.check(order.version)?;
    order.metadata.merge(patch.metadata)?;
    save(app, call, &mut tx, &mut order, Change::new("metadata_changed")).await?;
    tx.finish(Reply::ok(Receipt { order_id: id })).await?;
    read_order(app, call, id).await
}
