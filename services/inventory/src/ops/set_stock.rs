//! On hand of many items at once, by location code, as a bulk import brings it.

use std::collections::{BTreeMap, BTreeSet};

use bloom_fault::Fault;
use bloom_kernel::{LocationId, MovementId, VariantId};
use bloom_runtime::Call;

use crate::domain::movement::{AdjustmentKind, MovementKind};
use crate::store::item::{ItemKey, item_ensure, item_lock};
use crate::store::location::location_ids;
use crate::store::movement::{Stamp, movement_correct};
use crate::{Inventory, error};

/// The most rows of one request.
pub const ROWS_MAX: usize = 1_000;

/// What lies where.
#[derive(Debug, Clone)]
pub struct StockRow {
    /// The variant.
    pub variant_id: VariantId,
    /// The location's code.
    pub location_code: String,
    /// Units that lie there.
    pub on_hand: i64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct StockSet {
    /// Items whose on hand is another now.
    pub changed: i64,
    /// Codes that no location has; their rows were left out.
    pub unknown_locations: Vec<String>,
}

/// Counts many items. Of several rows for one item the last one counts. Done twice it changes nothing the second time.
pub async fn set_stock(app: &Inventory, call: &Call, rows: &[StockRow]) -> Result<StockSet, Fault> {
    let now = app.host.now(call.tenant);
    let codes: BTreeSet<&str> = rows.iter().map(|row| row.location_code.as_str()).collect();
    let mut tx = app.db.write(call).await?;
    let names: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    let known: BTreeMap<String, LocationId> = location_ids(&mut tx, &names).await?.into_iter().collect();
    let unknown_locations = names.into_iter().filter(|code| !known.contains_key(code)).collect();
    let counts: BTreeMap<ItemKey, i64> = rows
        .iter()
        .filter_map(|row| {
            let location_id = *known.get(&row.location_code)?;
            Some((ItemKey { variant_id: row.variant_id, location_id }, row.on_hand))
        })
        .collect();
    item_ensure(&mut tx, call.tenant, counts.keys().copied(), now).await.map_err(error::database)?;
    let deltas: Vec<(MovementId, ItemKey, i64)> = item_lock(&mut tx, counts.keys().copied())
        .await?
        .into_iter()
        .filter_map(|(key, on_hand)| {
            let delta = AdjustmentKind::Counted.on_hand_delta(*counts.get(&key)?, on_hand);
            (delta != 0).then(|| (app.host.id(call.tenant), key, delta))
        })
        .collect();
    if !deltas.is_empty() {
        let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now };
        movement_correct(&mut tx, stamp, MovementKind::Counted, Some("import"), &deltas).await.map_err(error::database)?;
    }
    tx.commit().await?;
    app.marks.left(call.tenant);
    Ok(StockSet { changed: i64::try_from(deltas.len()).unwrap_or(i64::MAX), unknown_locations })
}
