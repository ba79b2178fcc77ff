//! `PATCH /v1/delivery-options/{delivery_option_id}`: changes or deactivates a delivery option.

use axum::extract::State;
use bloom_db::Begin;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::DeliveryOptionId;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json, Path};

use super::create::check_references;
use super::model::{DeliveryOption, DeliveryOptionUpdate};
use super::store::{delivery_option_get, delivery_option_update};
use crate::Carts;
use crate::error::refusal;
use crate::permissions::DeliveryOptionsWrite;

const OP: &str = "delivery_option_update";

pub(super) async fn update(
    State(app): State<Carts>,
    caller: Caller<DeliveryOptionsWrite>,
    if_match: IfMatch,
    Path(id): Path<DeliveryOptionId>,
    Json(input): Json<DeliveryOptionUpdate>,
) -> Result<Reply<DeliveryOption>, Fault> {
    if_match.required()?;
    let before = delivery_option_get(&app.db, caller.tenant, id).await?.ok_or_else(|| Fault::not_found("delivery option"))?;
    let operation = (id, if_match.version(), &input);
    let mut option = before.updated(&input)?;
    if let Err(refusal) = check_references(&app, &caller, &option).await {
        // A repeat of a successful request gets its reply, even where the other services cannot be reached by now.
        return app.db.replay_or(caller.operation(OP, &operation), refusal).await;
    }
    let mut tx = match app.db.begin(&caller, OP, &operation).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    if_match.check(option.version)?;
    option.version += 1;
    option.updated_at = app.host.now(caller.tenant);
    if !delivery_option_update(&mut tx, &option).await.map_err(refusal)? {
        return Err(IfMatch::stale());
    }
    let (aggregate, version) = (option.id.to_string(), option.version);
    let draft = Draft { kind: "delivery_option.updated", aggregate, version, data: &option, causation: None };
    publish(&mut tx, &app.host, &caller, draft).await?;
    tx.finish(Reply::ok(option).etag(version)).await
}
