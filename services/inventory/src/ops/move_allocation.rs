//! Units of an order leave, or are given back.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{MovementId, OrderId};
use bloom_runtime::RequestContext;
use serde::Serialize;

use crate::domain::allocate::Shortage;
use crate::domain::movement::MovementKind;
use crate::error::Refusal;
use crate::store::item::{ItemKey, item_lock};
use crate::store::movement::Stamp;
use crate::store::operation::{Operation, operation_apply, operation_fingerprint};
use crate::{Inventory, error};

/// Units of an order at a location.
#[derive(Debug, Clone, Serialize)]
pub struct AllocationChange {
    /// Names the change, so that it happens once.
    pub operation_id: String,
    /// Shipped or released.
    pub kind: MovementKind,
    /// Whose units.
    pub order_id: OrderId,
    /// Item and units of each line.
    pub lines: Vec<(ItemKey, i64)>,
}

/// Takes an order's units out of stock, or gives them back: all lines or none, once per operation id.
pub async fn move_allocation(app: &Inventory, call: &RequestContext, change: &AllocationChange) -> Result<(), Fault> {
    let fingerprint = bloom_runtime::request_context::fingerprint("allocation", change);
    let mut units: BTreeMap<ItemKey, i64> = BTreeMap::new();
    for (key, quantity) in &change.lines {
        let sum = units.entry(*key).or_default();
        *sum = sum.saturating_add(*quantity);
    }
    let units: Vec<(MovementId, ItemKey, i64)> =
        units.into_iter().map(|(key, quantity)| (app.host.id(call.tenant), key, quantity)).collect();
    let mut tx = app.db.write(call).await?;
    item_lock(&mut tx, units.iter().map(|(_, key, _)| *key)).await?;
    let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now: app.host.now(call.tenant) };
    let operation = Operation {
        id: &change.operation_id,
        kind: change.kind,
        order_id: change.order_id,
        fingerprint: &fingerprint,
        units: &units,
    };
    let applied = operation_apply(&mut tx, stamp, &operation).await.map_err(error::database)?;
    if !applied.is_new {
        let first = operation_fingerprint(&mut tx, &change.operation_id).await?;
        return if first == Some(fingerprint) { Ok(()) } else { Err(Refusal::IdReused.into()) };
    }
    if !applied.lacking.is_empty() {
        return Err(Refusal::AllocationExceeded(lacking_lines(change, &applied.lacking)).into());
    }
    tx.commit().await?;
    app.marks.left(call.tenant);
    Ok(())
}

fn lacking_lines(change: &AllocationChange, lacking: &[(ItemKey, i64)]) -> Vec<Shortage> {
    let lacking: BTreeMap<ItemKey, i64> = lacking.iter().copied().collect();
    let lines = change.lines.iter().enumerate();
    lines.filter_map(|(line, (key, _))| lacking.get(key).map(|&sellable| Shortage { line, sellable })).collect()
}
