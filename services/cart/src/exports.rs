//! The present state that new consumers load before they follow the events.

use bloom_db::SystemTx;
use bloom_events::{After, Export, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::{CartId, DeliveryOptionId, TenantId};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::cart::cart_export;
use crate::delivery_option::delivery_option_export;

/// The position after the last record; at the start, before all ids.
fn position<T: From<Uuid> + std::str::FromStr>(after: Option<After>) -> Result<(TenantId, T), Fault> {
    let Some(after) = after else { return Ok((TenantId::from_uuid(Uuid::nil()), T::from(Uuid::nil()))) };
    let bad = |_| Fault::invalid("/after", "cursor", "This is not a cursor of this export.");
    Ok((after.tenant, after.aggregate.parse().map_err(bad)?))
}

/// All carts.
pub(crate) struct Carts;

impl Export for Carts {
    fn kind(&self) -> &'static str {
        "cart.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let carts = cart_export(tx, position::<CartId>(after)?, limit).await?;
            let records = carts.into_iter().map(|cart| StateRecord {
                tenant: cart.tenant,
                kind: self.kind(),
                aggregate: cart.id.to_string(),
                version: cart.version,
                data_json: cart.document,
            });
            Ok(records.collect())
        })
    }
}

/// All delivery options.
pub(crate) struct DeliveryOptions;

impl Export for DeliveryOptions {
    fn kind(&self) -> &'static str {
        "delivery_option.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let options = delivery_option_export(tx, position::<DeliveryOptionId>(after)?, limit).await?;
            let records = options
                .into_iter()
                .map(|(tenant, option)| StateRecord::new(tenant, self.kind(), option.id.to_string(), option.version, &option));
            records.collect()
        })
    }
}
