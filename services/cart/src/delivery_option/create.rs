//! `POST /v1/delivery-options`: creates a delivery option.

use axum::extract::State;
use bloom_db::Begin;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, Json};

use super::model::{DeliveryOption, DeliveryOptionCreate};
use super::store::delivery_option_insert;
use crate::Carts;
use crate::clients::{check_channel, check_tax_class};
use crate::error::refusal;
use crate::permissions::DeliveryOptionsWrite;

const OP: &str = "delivery_option_create";

pub(super) async fn create(
    State(app): State<Carts>,
    caller: Caller<DeliveryOptionsWrite>,
    Json(input): Json<DeliveryOptionCreate>,
) -> Result<Reply<DeliveryOption, 201>, Fault> {
    let option = DeliveryOption::new(app.host.id(caller.tenant), input.clone(), app.host.now(caller.tenant))?;
    if let Err(refusal) = check_references(&app, &caller, &option).await {
        // A repeat of a successful request gets its reply, even where the other services cannot be reached by now.
        return app.db.replay_or(caller.operation(OP, &input), refusal).await;
    }
    let mut tx = match app.db.begin(&caller, OP, &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    delivery_option_insert(&mut tx, caller.tenant, &option).await.map_err(refusal)?;
    let aggregate = option.id.to_string();
    let draft = Draft { kind: "delivery_option.created", aggregate, version: 1, data: &option, causation: None };
    publish(&mut tx, &app.host, &caller, draft).await?;
    tx.finish(Reply::created(option).etag(1)).await
}

/// Refuses a channel that catalog does not know and a tax class that pricing does not know.
pub(super) async fn check_references(app: &Carts, call: &RequestContext, option: &DeliveryOption) -> Result<(), Fault> {
    if let Some(channel) = option.channel_id {
        check_channel(app, call, channel).await?;
    }
    match option.tax_class_id {
        Some(class) => check_tax_class(app, call, option.currency, class).await,
        None => Ok(()),
    }
}
