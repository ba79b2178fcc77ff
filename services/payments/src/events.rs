//! What payments tell the others, and their whole state for those who begin anew.

use bloom_db::Writer;
use bloom_db::{SystemTx, TenantTx};
use bloom_events::export::{After, Export, StateRecord};
use bloom_events::{Draft, publish, publish_many};
use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, PaymentId};
use bloom_runtime::{RequestContext, ServiceContext};
use futures::future::BoxFuture;

use crate::domain::Payment;
use crate::shape;
use crate::store::connection::connection_export;
use crate::store::payment::payment_export;

const PAYMENT_OPENED: &str = "payment.created";
const PAYMENT_UPDATED: &str = "payment.updated";
const CONNECTION_CREATED: &str = "connection.created";
const CONNECTION_UPDATED: &str = "connection.updated";

/// A payment was opened.
pub(crate) async fn payment_opened(
    tx: &mut impl Writer,
    host: &ServiceContext,
    call: &RequestContext,
    payment: &Payment,
) -> Result<(), Fault> {
    payment_event(tx, host, call, PAYMENT_OPENED, payment).await
}

/// A payment changed.
pub(crate) async fn payment_updated(
    tx: &mut impl Writer,
    host: &ServiceContext,
    call: &RequestContext,
    payment: &Payment,
) -> Result<(), Fault> {
    payment_event(tx, host, call, PAYMENT_UPDATED, payment).await
}

async fn payment_event(
    tx: &mut impl Writer,
    host: &ServiceContext,
    call: &RequestContext,
    kind: &'static str,
    payment: &Payment,
) -> Result<(), Fault> {
    let shape = shape::Payment::from(payment);
    let aggregate = payment.id.to_string();
    publish(tx, host, call, Draft { kind, aggregate, version: payment.version, data: &shape, causation: None }).await
}

/// A connection was made, or changed; making one the default changes another.
pub(crate) async fn connections_changed(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    connections: &[&shape::Connection],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = connections
        .iter()
        .map(|connection| Draft {
            kind: if connection.version == 1 { CONNECTION_CREATED } else { CONNECTION_UPDATED },
            aggregate: connection.id.to_string(),
            version: connection.version,
            data: *connection,
            causation: None,
        })
        .collect();
    publish_many(tx, host, call, drafts).await
}

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
            let rows = payment_export(tx, place::<PaymentId>(after)?, limit).await?;
            rows.iter()
                .map(|(tenant, payment)| {
                    let shape = shape::Payment::from(payment);
                    StateRecord::new(*tenant, PAYMENT_UPDATED, payment.id.to_string(), payment.version, &shape)
                })
                .collect()
        })
    }
}

/// All connections.
pub(crate) struct ConnectionExport {
    pub(crate) notices_url: std::sync::Arc<str>,
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
            let rows = connection_export(tx, place::<ConnectionId>(after)?, limit).await?;
            rows.iter()
                .map(|(tenant, row)| {
                    let shape = shape::Connection::of(row, &self.notices_url);
                    StateRecord::new(*tenant, CONNECTION_UPDATED, row.id.to_string(), row.version, &shape)
                })
                .collect()
        })
    }
}

/// Ids sort as their texts do.
fn place<T: std::str::FromStr>(after: Option<After>) -> Result<Option<(bloom_kernel::TenantId, T)>, Fault> {
    let Some(after) = after else { return Ok(None) };
    let id = after.aggregate.parse().map_err(|_| Fault::invalid("/after", "cursor", "Not a cursor of this export."))?;
    Ok(Some((after.tenant, id)))
}
