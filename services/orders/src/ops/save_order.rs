//! Every change of an order ends here: one more version, its statuses worked out, its timeline and its event.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish};
use bloom_fault::{Code, Fault};
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;
use serde_json::{Value, json};

use crate::Orders;
use crate::domain::order::Order;
use crate::store::order::{Entry, document, order_lock, order_update};

/// What a change is called.
pub struct Change {
    kind: &'static str,
    event: &'static str,
    data: Value,
}

impl Change {
    /// An entry of the timeline, told as `order.updated`.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, event: "order.updated", data: json!({}) }
    }

    /// Told as another event.
    #[must_use]
    pub fn event(mut self, event: &'static str) -> Self {
        self.event = event;
        self
    }

    /// With ids and amounts for the timeline; nothing personal.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// An order under its row lock, and whether everything that its purchase began is done.
pub async fn locked(tx: &mut TenantTx, id: OrderId) -> Result<(Order, bool), Fault> {
    order_lock(tx, id).await?.ok_or_else(|| Fault::not_found("order"))
}

/// The same for what needs the order's stock to be its own.
pub async fn locked_and_settled(tx: &mut TenantTx, id: OrderId) -> Result<Order, Fault> {
    let (order, settled) = locked(tx, id).await?;
    if settled {
        return Ok(order);
    }
    let detail = "The purchase of this order is still being finished; try again in a moment.";
    Err(Fault::new(Code::Conflict, "order_not_settled", detail).retry_after(1))
}

/// Stores and publishes a changed order; the caller commits.
pub async fn save(
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
