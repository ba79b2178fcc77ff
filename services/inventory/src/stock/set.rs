//! Sets the units on hand of many items by location code, as a bulk import does.

use std::collections::{BTreeMap, BTreeSet};

use bloom_db::Answer;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, MovementId, VariantId};
use bloom_runtime::RequestContext;
use serde::{Deserialize, Serialize};

use crate::Inventory;
use crate::adjustment::AdjustmentKind;
use crate::item::{item_ensure, item_lock};
use crate::location::location_ids;
use crate::movement::{ItemKey, MovementKind, movement_correct};
use crate::units::Units;

/// The most rows of one request.
pub const ROWS_MAX: usize = 1_000;

/// Units of a variant at a location.
#[derive(Debug, Clone, Serialize)]
pub struct StockRow {
    /// The variant.
    pub variant_id: VariantId,
    /// The location's code.
    pub location_code: String,
    /// Units on hand.
    pub on_hand: Units,
}

/// The outcome.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StockSet {
    /// The number of items whose units on hand changed.
    pub changed: i64,
    /// Codes that no location has; their rows were skipped.
    pub unknown_locations: Vec<String>,
}

/// Counts many items. If an item has several rows, the last one counts. A repeat under the same idempotency key has no effect,
/// because it would restore units that were sold since.
pub async fn set_stock(app: &Inventory, context: &RequestContext, rows: &[StockRow]) -> Result<StockSet, Fault> {
    let Answer(set) = app
        .db
        .idempotent(context.operation("stock_set", &rows), async |tx| {
            let codes: BTreeSet<&str> = rows.iter().map(|row| row.location_code.as_str()).collect();
            let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
            let known: BTreeMap<String, LocationId> = location_ids(tx, &codes).await?.into_iter().collect();
            let unknown_locations = codes.into_iter().filter(|code| !known.contains_key(code)).collect();
            let count = |row: &StockRow| {
                let location_id = *known.get(&row.location_code)?;
                Some((ItemKey { variant_id: row.variant_id, location_id }, row.on_hand.get()))
            };
            let counts: BTreeMap<ItemKey, i64> = rows.iter().filter_map(count).collect();
            item_ensure(tx, counts.keys().copied()).await?;
            let locked = item_lock(tx, counts.keys().copied()).await?;
            let delta = |(key, on_hand): (ItemKey, i64)| {
                let delta = AdjustmentKind::Counted.on_hand_delta(*counts.get(&key)?, on_hand);
                (delta != 0).then(|| (tx.new_id(), key, delta))
            };
            let deltas: Vec<(MovementId, ItemKey, i64)> = locked.into_iter().filter_map(delta).collect();
            if !deltas.is_empty() {
                movement_correct(tx, MovementKind::Counted, Some("import"), &deltas).await?;
            }
            app.stock_changed(tx);
            Ok(StockSet { changed: i64::try_from(deltas.len()).unwrap_or(i64::MAX), unknown_locations })
        })
        .await?;
    Ok(set)
}
