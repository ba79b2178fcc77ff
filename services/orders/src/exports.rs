//! The current state of orders and checkouts, for consumers that start anew.

use bloom_db::SystemTx;
use bloom_events::{After, Export, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, OrderId, TenantId};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::checkout::checkout_export;
use crate::order::order_export;

/// The position after the last record; the nil ids come before every other.
fn position<T: From<Uuid> + std::str::FromStr>(after: Option<After>) -> Result<(TenantId, T), Fault> {
    let Some(after) = after else { return Ok((TenantId::from_uuid(Uuid::nil()), T::from(Uuid::nil()))) };
    let bad = |_| Fault::invalid("/after", "cursor", "This is not a cursor of this export.");
    Ok((after.tenant, after.aggregate.parse().map_err(bad)?))
}

/// Orders.
pub(crate) struct OrderExport;

impl Export for OrderExport {
    fn kind(&self) -> &'static str {
        "order.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let orders = order_export(tx, position::<OrderId>(after)?, limit).await?;
            let records = orders.into_iter().map(|order| StateRecord {
                tenant: order.tenant,
                kind: self.kind(),
                aggregate: order.id.to_string(),
                version: order.version,
                data_json: order.document,
            });
            Ok(records.collect())
        })
    }
}

/// Published checkouts.
pub(crate) struct CheckoutExport;

impl Export for CheckoutExport {
    fn kind(&self) -> &'static str {
        "checkout.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let checkouts = checkout_export(tx, position::<CheckoutId>(after)?, limit).await?;
            let records = checkouts.iter().map(|record| {
                let checkout = record.public();
                StateRecord::new(record.tenant, self.kind(), checkout.id.to_string(), checkout.version, &checkout)
            });
            records.collect()
        })
    }
}
