//! `PATCH /v1/delivery-options/{delivery_option_id}`: changes or deactivates a delivery option.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::DeliveryOptionId;
use bloom_web::{Body, Caller, IfMatch, Path, Reply};

use super::create::check_references;
use super::model::{DeliveryOption, DeliveryOptionUpdate};
use super::store::{delivery_option_get, delivery_option_update};
use crate::{Carts, DeliveryOptionsWrite};

/// The references of the changed option are checked before the transaction begins; the update is conditional on the version that
/// was read then.
pub(super) async fn update(
    State(app): State<Carts>,
    caller: Caller<DeliveryOptionsWrite>,
    if_match: IfMatch,
    Path(id): Path<DeliveryOptionId>,
    Body(input): Body<DeliveryOptionUpdate>,
) -> Result<Reply<DeliveryOption>, Fault> {
    if_match.required()?;
    app.db
        .idempotent_after(
            caller.operation("delivery_option_update", &(id, if_match.version(), &input)),
            async || {
                let option = delivery_option_get(&app.db, caller.tenant, id).await?;
                let mut option = option.ok_or_else(|| Fault::not_found("delivery option"))?;
                if_match.check(option.version)?;
                option.update(input)?;
                check_references(&app, &caller, option.channel_id, option.tax_class_id, option.currency).await?;
                Ok(option)
            },
            async |tx, mut option: DeliveryOption| {
                option.version += 1;
                option.updated_at = tx.now();
                if !delivery_option_update(tx, &option).await? {
                    return Err(IfMatch::stale());
                }
                tx.publish(&option);
                Ok(option)
            },
        )
        .await
}
