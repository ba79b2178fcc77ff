//! Ships or releases units of an order: gRPC `ShipAllocation` and `ReleaseAllocation`.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{MovementId, OrderId};
use bloom_runtime::RequestContext;
use bloom_runtime::request_context::fingerprint;
use serde::Serialize;

use super::store::{Operation, operation_apply, operation_fingerprint};
use crate::Inventory;
use crate::error::{Shortage, allocation_exceeded, id_reused};
use crate::item::item_lock;
use crate::movement::{ItemKey, MovementKind};
use crate::units::CallerName;

/// Units of an order at locations.
#[derive(Debug, Clone, Serialize)]
pub struct AllocationChange {
    /// Identifies the change, so that a repeat has no further effect.
    pub operation_id: CallerName,
    /// Shipped or released.
    pub kind: MovementKind,
    /// The order that the units are allocated to.
    pub order_id: OrderId,
    /// Item and units of each line.
    pub lines: Vec<(ItemKey, i64)>,
}

/// Ships an order's units or releases them: all lines or none, once per operation id.
pub(crate) async fn change(app: &Inventory, context: &RequestContext, change: &AllocationChange) -> Result<(), Fault> {
    let digest = fingerprint("allocation", change);
    let mut sums: BTreeMap<ItemKey, i64> = BTreeMap::new();
    for (key, quantity) in &change.lines {
        let sum = sums.entry(*key).or_default();
        *sum = sum.saturating_add(*quantity);
    }
    app.db
        .transaction(context, async |tx| {
            let units: Vec<(MovementId, ItemKey, i64)> =
                sums.iter().map(|(key, quantity)| (tx.new_id(), *key, *quantity)).collect();
            item_lock(tx, sums.keys().copied()).await?;
            let operation = Operation {
                id: &change.operation_id,
                kind: change.kind,
                order_id: change.order_id,
                fingerprint: &digest,
                units: &units,
            };
            let applied = operation_apply(tx, &operation).await?;
            if !applied.is_new {
                let first = operation_fingerprint(tx, &change.operation_id).await?;
                return if first.as_ref() == Some(&digest) { Ok(()) } else { Err(id_reused()) };
            }
            if !applied.lacking.is_empty() {
                return Err(allocation_exceeded(&lacking_lines(change, &applied.lacking)));
            }
            app.stock_changed(tx);
            Ok(())
        })
        .await
}

fn lacking_lines(change: &AllocationChange, lacking: &[(ItemKey, i64)]) -> Vec<Shortage> {
    let lacking: BTreeMap<ItemKey, i64> = lacking.iter().copied().collect();
    let lines = change.lines.iter().enumerate();
    lines.filter_map(|(line, (key, _))| lacking.get(key).map(|&sellable| Shortage { line, sellable })).collect()
}
