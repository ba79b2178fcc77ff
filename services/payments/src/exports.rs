//! The state export: all payments and all connections, for a new consumer.

use std::str::FromStr;
use std::sync::Arc;

use bloom_events::export::{After, Export, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, PaymentId, TenantId};
use bloom_runtime::SystemTx;
use futures::future::BoxFuture;

use crate::connection::{CONNECTION_UPDATED, ConnectionDto, connection_export};
use crate::payment::{PAYMENT_UPDATED, PaymentDto, payment_export};

/// All payments.
pub(crate) struct PaymentExport;

impl Export for PaymentExport {
    fn kind(&self) -> &'static str {
        PAYMENT_UPDATED
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let rows = payment_export(tx, position::<PaymentId>(after)?, limit).await?;
            rows.iter()
                .map(|(tenant, payment)| {
                    let body = PaymentDto::from(payment);
                    StateRecord::new(*tenant, PAYMENT_UPDATED, payment.id.to_string(), payment.version, &body)
                })
                .collect()
        })
    }
}

/// All connections.
pub(crate) struct ConnectionExport {
    pub(crate) notices_url: Arc<str>,
}

impl Export for ConnectionExport {
    fn kind(&self) -> &'static str {
        CONNECTION_UPDATED
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let rows = connection_export(tx, position::<ConnectionId>(after)?, limit).await?;
            rows.iter()
                .map(|(tenant, row)| {
                    let body = ConnectionDto::new(row, &self.notices_url);
                    StateRecord::new(*tenant, CONNECTION_UPDATED, row.id.to_string(), row.version, &body)
                })
                .collect()
        })
    }
}

/// The last exported row. Ids sort as their texts do.
fn position<T: FromStr>(after: Option<After>) -> Result<Option<(TenantId, T)>, Fault> {
    let Some(after) = after else { return Ok(None) };
    let id = after.aggregate.parse().map_err(|_| Fault::invalid("/after", "cursor", "Not a cursor of this export."))?;
    Ok(Some((after.tenant, id)))
}
