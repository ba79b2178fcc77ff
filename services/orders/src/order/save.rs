//! Every change of an order begins with its row lock and ends here: a new version, derived statuses, a timeline entry, an event.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::OrderId;
use serde_json::{Value, json};

use super::model::Order;
use super::store::{Entry, OrderDocument, order_lock, order_update};

/// The name of a change: of its timeline entry and of its event.
pub struct Change {
    kind: &'static str,
    verb: &'static str,
    actor: Option<&'static str>,
    data: Value,
}

impl Change {
    /// A timeline entry of this kind, published as `order.updated`.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, verb: "updated", actor: None, data: json!({}) }
    }

    /// Published under another verb.
    #[must_use]
    pub fn verb(mut self, verb: &'static str) -> Self {
        self.verb = verb;
        self
    }

    /// Made by this actor, not by the one of the transaction.
    #[must_use]
    pub fn by(mut self, actor: &'static str) -> Self {
        self.actor = Some(actor);
        self
    }

    /// With ids and amounts in the timeline entry; no personal data.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// Locks an order.
pub async fn lock_order(tx: &mut TenantTx, id: OrderId) -> Result<Order, Fault> {
    order_lock(tx, id).await?.map(|(order, _)| order).ok_or_else(|| Fault::not_found("order"))
}

/// Locks an order for a change that needs its stock to be allocated: its checkout must be settled.
pub async fn lock_settled_order(tx: &mut TenantTx, id: OrderId) -> Result<Order, Fault> {
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
pub async fn save(tx: &mut TenantTx, order: &mut Order, change: Change) -> Result<(), Fault> {
    let now = tx.now();
    order.version += 1;
    order.updated_at = now;
    order.derive(now);
    let document = OrderDocument::new(order)?;
    let actor = change.actor.unwrap_or(tx.actor()).to_owned();
    order_update(tx, order, &document, &Entry { kind: change.kind, actor: &actor, data: change.data }).await?;
    tx.publish_as(change.verb, &document);
    Ok(())
}
