//! What others learn of carts beside their events: present state, and what must hold.

use bloom_db::SystemTx;
use bloom_events::{After, Breach, Check, Export, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::{CartId, DeliveryOptionId, TenantId};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::store::cart::{cart_breaches, cart_export};
use crate::store::delivery_option::delivery_option_export;

/// The place behind the last record: nothing is before the nil ids.
fn place<T: From<Uuid> + std::str::FromStr>(after: Option<After>) -> Result<(TenantId, T), Fault> {
    let Some(after) = after else { return Ok((TenantId::from_uuid(Uuid::nil()), T::from(Uuid::nil()))) };
    let bad = |_| Fault::invalid("/after", "cursor", "This is not a cursor of this export.");
    Ok((after.tenant, after.aggregate.parse().map_err(bad)?))
}

/// Carts.
pub struct Carts;

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
            let carts = cart_export(tx, place::<CartId>(after)?, limit).await?;
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

/// Delivery options.
pub struct DeliveryOptions;

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
            let options = delivery_option_export(tx, place::<DeliveryOptionId>(after)?, limit).await?;
            let records = options
                .into_iter()
                .map(|(tenant, option)| StateRecord::new(tenant, self.kind(), option.id.to_string(), option.version, &option));
            records.collect()
        })
    }
}

/// What a cart says is to be paid is the sum of its lines and its delivery.
pub struct TotalsAreSums;

impl Check for TotalsAreSums {
    fn name(&self) -> &'static str {
        "cart_totals_are_sums"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let carts = cart_breaches(tx).await?;
            let breach = |cart| Breach {
                invariant: self.name(),
                detail: format!("the total of {cart} is not the sum of its lines and its delivery"),
            };
            Ok(carts.into_iter().map(breach).collect())
        })
    }
}
