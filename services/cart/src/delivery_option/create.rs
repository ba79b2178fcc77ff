//! `POST /v1/delivery-options`: creates a delivery option.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency, TaxClassId};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Created};

use super::model::{DeliveryOption, DeliveryOptionCreate};
use super::store::delivery_option_insert;
use crate::clients::{check_channel, check_tax_class};
use crate::{Carts, DeliveryOptionsWrite};

pub(super) async fn create(
    State(app): State<Carts>,
    caller: Caller<DeliveryOptionsWrite>,
    Body(input): Body<DeliveryOptionCreate>,
) -> Result<Created<DeliveryOption>, Fault> {
    let (channel, class, currency) = (input.channel_id, input.tax_class_id, input.currency);
    app.db
        .idempotent_after(
            caller.operation("delivery_option_create", &input),
            async || check_references(&app, &caller, channel, class, currency).await,
            async |tx, ()| {
                let option = DeliveryOption::new(tx.new_id(), tx.now(), input)?;
                delivery_option_insert(tx, &option).await?;
                tx.publish(&option);
                Ok(option)
            },
        )
        .await
}

/// Refuses a channel that catalog does not know and a tax class that pricing does not know.
pub(super) async fn check_references(
    app: &Carts,
    caller: &RequestContext,
    channel: Option<ChannelId>,
    class: Option<TaxClassId>,
    currency: Currency,
) -> Result<(), Fault> {
    if let Some(channel) = channel {
        check_channel(app, caller, channel).await?;
    }
    match class {
        Some(class) => check_tax_class(app, caller, currency, class).await,
        None => Ok(()),
    }
}
