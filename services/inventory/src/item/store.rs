//! SQL of items. It only reads levels; movements change them.

use bloom_db::TenantTx;
use bloom_kernel::{LocationId, Timestamp, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Item, ItemFilter, Level};
use crate::movement::ItemKey;

/// Keys as two columns for `unnest`, sorted and without duplicates.
fn columns(keys: impl IntoIterator<Item = ItemKey>) -> (Vec<Uuid>, Vec<Uuid>) {
    let keys: std::collections::BTreeSet<ItemKey> = keys.into_iter().collect();
    keys.into_iter().map(|key| (key.variant_id.uuid(), key.location_id.uuid())).unzip()
}

struct Row {
    variant_id: VariantId,
    location_id: LocationId,
    on_hand: i64,
    allocated: i64,
    held: i64,
    safety_stock: i64,
    backorder_limit: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Item {
    fn from(row: Row) -> Self {
        let level = Level {
            variant_id: row.variant_id,
            location_id: row.location_id,
            on_hand: row.on_hand,
            allocated: row.allocated,
            held: row.held,
            safety_stock: row.safety_stock,
            backorder_limit: row.backorder_limit,
        };
        Self::new(&level, row.version, row.created_at, row.updated_at)
    }
}

/// One item at a given time.
pub async fn item_get(conn: &mut PgConnection, key: ItemKey, now: Timestamp) -> sqlx::Result<Option<Item>> {
    let row = sqlx::query_as!(
        Row,
        r#"select variant_id as "variant_id!: VariantId", location_id as "location_id!: LocationId", on_hand as "on_hand!",
               allocated as "allocated!", held as "held!", safety_stock as "safety_stock!",
               backorder_limit as "backorder_limit!", version as "version!", created_at as "created_at!",
               updated_at as "updated_at!"
           from stock_at($3) where variant_id = $1 and location_id = $2"#,
        key.variant_id.uuid(),
        key.location_id.uuid(),
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Item::from))
}

/// A page of the items that match a filter, after a position, by variant, then location.
pub async fn item_list(
    conn: &mut PgConnection,
    filter: &ItemFilter,
    after: Option<(VariantId, LocationId)>,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Item>> {
    match (filter.variant_id, filter.location_id) {
        (Some(variant_id), Some(location_id)) => {
            Ok(item_get(conn, ItemKey { variant_id, location_id }, now).await?.into_iter().collect())
        }
        (None, Some(location)) => item_list_at(conn, location, after.map(|(variant, _)| variant), now, limit).await,
        (variant, None) => item_list_by_variant(conn, variant, after, now, limit).await,
    }
}

/// A page of items after a position, by variant, then location, optionally of one variant.
async fn item_list_by_variant(
    conn: &mut PgConnection,
    variant: Option<VariantId>,
    after: Option<(VariantId, LocationId)>,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Item>> {
    let first = variant.map_or(Uuid::nil(), VariantId::uuid);
    let (after_variant, after_location) =
        after.map_or((first, Uuid::nil()), |(variant, location)| (variant.uuid(), location.uuid()));
    let last = variant.map_or(Uuid::max(), VariantId::uuid);
    let rows = sqlx::query_as!(
        Row,
        r#"select variant_id as "variant_id!: VariantId", location_id as "location_id!: LocationId", on_hand as "on_hand!",
               allocated as "allocated!", held as "held!", safety_stock as "safety_stock!",
               backorder_limit as "backorder_limit!", version as "version!", created_at as "created_at!",
               updated_at as "updated_at!"
           from stock_at($4) where (variant_id, location_id) > ($1, $2) and variant_id <= $3
           order by variant_id, location_id limit $5"#,
        after_variant,
        after_location,
        last,
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Item::from).collect())
}

/// A page of the items of one location after a position, by variant.
async fn item_list_at(
    conn: &mut PgConnection,
    location: LocationId,
    after: Option<VariantId>,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Item>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select variant_id as "variant_id!: VariantId", location_id as "location_id!: LocationId", on_hand as "on_hand!",
               allocated as "allocated!", held as "held!", safety_stock as "safety_stock!",
               backorder_limit as "backorder_limit!", version as "version!", created_at as "created_at!",
               updated_at as "updated_at!"
           from stock_at($3) where location_id = $1 and variant_id > $2
           order by variant_id limit $4"#,
        location.uuid(),
        after.map_or(Uuid::nil(), VariantId::uuid),
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Item::from).collect())
}

/// Adds an item with its settings and no stock.
pub async fn item_insert(tx: &mut TenantTx, item: &Item) -> sqlx::Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into stock_item (tenant_id, variant_id, location_id, safety_stock, backorder_limit, version, settings_version,
             created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $7)",
        tenant.uuid(),
        item.variant_id.uuid(),
        item.location_id.uuid(),
        item.safety_stock,
        item.backorder_limit,
        item.version,
        item.created_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Adds the missing items, without stock.
pub async fn item_ensure(tx: &mut TenantTx, keys: impl IntoIterator<Item = ItemKey>) -> sqlx::Result<()> {
    let (tenant, now) = (tx.tenant(), tx.now());
    let (variants, locations) = columns(keys);
    sqlx::query!(
        "insert into stock_item (tenant_id, variant_id, location_id, safety_stock, backorder_limit, version, settings_version,
             created_at, updated_at)
         select $1, variant_id, location_id, 0, 0, 1, 1, $4, $4
         from unnest($2::uuid[], $3::uuid[]) with ordinality as wanted(variant_id, location_id, ord) order by ord
         on conflict (tenant_id, variant_id, location_id) do nothing",
        tenant.uuid(),
        &variants,
        &locations,
        now,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Locks items in the order that all transactions use, and reads their units on hand; items that do not exist are left out.
pub async fn item_lock(conn: &mut PgConnection, keys: impl IntoIterator<Item = ItemKey>) -> sqlx::Result<Vec<(ItemKey, i64)>> {
    let (variants, locations) = columns(keys);
    let rows = sqlx::query!(
        r#"select i.variant_id as "variant_id: VariantId", i.location_id as "location_id: LocationId", i.on_hand
           from stock_item i
           join unnest($1::uuid[], $2::uuid[]) wanted(variant_id, location_id) using (variant_id, location_id)
           order by i.variant_id, i.location_id for no key update of i"#,
        &variants,
        &locations,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (ItemKey { variant_id: row.variant_id, location_id: row.location_id }, row.on_hand)).collect())
}

/// The settings of a locked item.
#[derive(Debug)]
pub struct Settings {
    /// Units that are never sold.
    pub safety_stock: i64,
    /// Units that may be sold though they are not there.
    pub backorder_limit: i64,
    /// The item's version.
    pub version: i64,
    /// The item's version when its settings last changed.
    pub settings_version: i64,
}

/// Locks one item and reads its settings.
pub async fn item_settings_lock(conn: &mut PgConnection, key: ItemKey) -> sqlx::Result<Option<Settings>> {
    sqlx::query_as!(
        Settings,
        "select safety_stock, backorder_limit, version, settings_version from stock_item
         where variant_id = $1 and location_id = $2 for no key update",
        key.variant_id.uuid(),
        key.location_id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Writes the settings of an item.
pub async fn item_settings_update(
    conn: &mut PgConnection,
    key: ItemKey,
    safety_stock: i64,
    backorder_limit: i64,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update stock_item set safety_stock = $3, backorder_limit = $4, version = version + 1,
             settings_version = version + 1, updated_at = $5
         where variant_id = $1 and location_id = $2",
        key.variant_id.uuid(),
        key.location_id.uuid(),
        safety_stock,
        backorder_limit,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}
