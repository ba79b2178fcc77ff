//! Every change of an order begins with its row lock and ends here: a new version, derived statuses, a timeline entry, an event.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish};
use bloom_fault::{Code, Fault};
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;
use serde_json::{Value, json};

use super::model::Order;
use super::store::{Entry, document, order_lock, order_update};
use crate::Orders;

/// The name of a change: of its timeline entry and of its event.
pub(crate) struct Change {
    kind: &'static str,
    event: &'static str,
    data: Value,
}

impl Change {
    /// A timeline entry of this kind, published as `order.updated`.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, event: "order.updated", data: json!({}) }
    }

    /// Published as another event.
    #[must_use]
    pub(super) fn event(mut self, event: &'static str) -> Self {
        self.event = event;
        self
    }

    /// With ids and amounts in the timeline entry; no personal data.
    #[must_use]
    pub(crate) fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// Locks an order.
pub(crate) async fn lock_order(tx: &mut TenantTx, id: OrderId) -> Result<Order, Fault> {
    order_lock(tx, id).await?.map(|(order, _)| order).ok_or_else(|| Fault::not_found("order"))
}

/// Locks an order for a change that needs its stock to be allocated: its checkout must be settled.
pub(super) async fn lock_settled_order(tx: &mut TenantTx, id: OrderId) -> Result<Order, Fault> {
    match order_lock(tx, id).await? {
        Some((order, true)) => Ok(order),
        Some((_, false)) => {
            let detail = "The checkout of this order is still being finished; try again in a moment.";
            Err(Fault::new(Code::Conflict, "order_not_settled", detail).retry_after(1))
        }
        None => Err(Fault::not_found("order")),
    }
}

/// Stores and publishes a changed order; the caller commits.
pub(crate) async fn save(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    order: &mut Order,
    change: Change,
) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    order.version += 1;
    order.updated_at = now;
    order.derive(now);
    let document = document(order)?;
    let entry = Entry { kind: change.kind, actor: &call.actor, data: change.data };
    order_update(tx, order, &document, &entry).await?;
    let (aggregate, version) = (order.id.to_string(), order.version);
    publish(tx, &app.host, call, Draft { kind: change.event, aggregate, version, data: &document, causation: None }).await
}
