//! On hand of many items at once, by location code, as a bulk import brings it.

use std::collections::{BTreeMap, BTreeSet};

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, MovementId, VariantId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::movement::{AdjustmentKind, MovementKind};
use crate::store::item::{ItemKey, item_ensure, item_lock};
use crate::store::location::location_ids;
use crate::store::movement::{Stamp, movement_correct};
use crate::{Inventory, error};

/// The most rows of one request.
pub const ROWS_MAX: usize = 1_000;

/// What lies where.
#[derive(Debug, Clone, Serialize)]
pub struct StockRow {
    /// The variant.
    pub variant_id: VariantId,
    /// The location's code.
    pub location_code: String,
    /// Units that lie there.
    pub on_hand: i64,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct StockSet {
    /// Items whose on hand is another now.
    pub changed: i64,
    /// Codes that no location has; their rows were left out.
    pub unknown_locations: Vec<String>,
}

/// Counts many items. Of several rows for one item the last one counts. Under an idempotency key it happens once: a count that
/// is told again must not bring back what was sold since.
pub async fn set_stock(app: &Inventory, call: &RequestContext, rows: &[StockRow]) -> Result<StockSet, Fault> {
    let mut tx = match app.db.begin::<bloom_web::Reply<StockSet, 200>>(call, "stock_set", &rows).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return reply.replayed_as().unwrap_or_else(|| Err(Fault::internal("a replay has a body"))),
    };
    let now = app.host.now(call.tenant);
    let codes: BTreeSet<&str> = rows.iter().map(|row| row.location_code.as_str()).collect();
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
    let set = StockSet { changed: i64::try_from(deltas.len()).unwrap_or(i64::MAX), unknown_locations };
    tx.finish(Reply::ok(set.clone())).await?;
    app.marks.left(call.tenant);
    Ok(set)
}
