//! SQL of the stock of variants over their locations: reads before a sale, and reads for events.

use bloom_events::ExportPage;
use bloom_kernel::{LocationId, TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{PublishedStock, StockAt, VariantStock};
use crate::item::Level;

/// An item with its location's code, priority and status.
#[derive(Debug)]
pub struct Stocked {
    /// Its levels.
    pub level: Level,
    /// The location's code.
    pub location_code: String,
    /// The location's priority.
    pub priority: i32,
    /// Whether the location's units are for sale.
    pub is_active: bool,
}

/// All items of the variants, by variant, in the order in which locations serve. The planner cannot see into a sub-select, so one
/// plan serves any number of variants; planning takes longer than execution.
/// The statement sets its own tenant.
pub async fn stock_of(
    conn: &mut PgConnection,
    tenant: TenantId,
    variants: &[Uuid],
    now: Timestamp,
) -> sqlx::Result<Vec<Stocked>> {
    let rows = sqlx::query!(
        r#"select variant_id as "variant_id!: VariantId", location_id as "location_id!: LocationId",
               location_code as "location_code!", priority as "priority!", active as "active!", on_hand as "on_hand!",
               allocated as "allocated!", held as "held!", safety_stock as "safety_stock!",
               backorder_limit as "backorder_limit!"
           from (select set_config('bloom.tenant', $3, true)::uuid as id offset 0) tenant, lateral (
               select * from stock_at($2) where tenant_id = tenant.id and variant_id = any((select $1::uuid[])::uuid[])
               offset 0
           ) stock
           order by variant_id, priority, location_id"#,
        variants,
        now,
        tenant.uuid().to_string(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Stocked {
            level: Level {
                variant_id: row.variant_id,
                location_id: row.location_id,
                on_hand: row.on_hand,
                allocated: row.allocated,
                held: row.held,
                safety_stock: row.safety_stock,
                backorder_limit: row.backorder_limit,
            },
            location_code: row.location_code,
            priority: row.priority,
            is_active: row.active,
        })
        .collect())
}

/// The items of [`stock_of`] grouped by variant, as published.
pub fn by_variant(items: Vec<Stocked>) -> Vec<VariantStock> {
    let mut stocks: Vec<VariantStock> = Vec::new();
    for item in items {
        let variant_id = item.level.variant_id;
        let place = StockAt::new(&item.level, item.location_code, item.priority, item.is_active);
        match stocks.last_mut().filter(|last| last.variant_id == variant_id) {
            Some(last) => last.items.push(place),
            None => stocks.push(VariantStock { variant_id, items: vec![place] }),
        }
    }
    stocks
}

/// Removes the marks of some changed variants and raises the variants' versions; returns (variant, version).
///
/// This locks the rows of `variant_stock`, so that of two publishers the one with the later version reads the later state.
///
/// Marks are read as a range of their index. A join with the selected variants read all marks for each variant when it was planned
/// with statistics from a time of few marks.
pub async fn stock_take_changed(
    conn: &mut PgConnection,
    tenant: TenantId,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<(VariantId, i64)>> {
    let rows = sqlx::query!(
        r#"with picked as (
               select distinct variant_id from stock_dirty order by variant_id limit $3
           ), taken as (
               delete from stock_dirty where variant_id <= (select variant_id from picked order by variant_id desc limit 1)
               returning variant_id
           )
           insert into variant_stock (tenant_id, variant_id, version, updated_at)
           select $1, variant_id, 1, $2 from (select distinct variant_id from taken order by variant_id) changed
           on conflict (tenant_id, variant_id)
               do update set version = variant_stock.version + 1, updated_at = excluded.updated_at
           returning variant_id as "variant_id: VariantId", version"#,
        tenant.uuid(),
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.variant_id, row.version)).collect())
}

/// Tenants with unpublished changes. Runs as the system role.
pub async fn stock_changed_tenants(conn: &mut PgConnection) -> sqlx::Result<Vec<TenantId>> {
    sqlx::query_scalar!(r#"select distinct tenant_id as "tenant_id: TenantId" from stock_dirty limit 1000"#).fetch_all(conn).await
}

/// Stock by variant. It may include changes that are not published yet; the next event then repeats them.
pub async fn stock_export(conn: &mut PgConnection, page: ExportPage<VariantId>) -> sqlx::Result<Vec<(TenantId, PublishedStock)>> {
    let (tenant, variant) = page.position();
    let rows = sqlx::query!(
        r#"with page as (
               select distinct tenant_id, variant_id from stock_item where (tenant_id, variant_id) > ($1, $2)
               order by tenant_id, variant_id limit $4
           )
           select page.tenant_id as "tenant_id!: TenantId", coalesce(v.version, 0) as "stock_version!",
               page.variant_id as "variant_id!: VariantId", i.location_id as "location_id!: LocationId",
               i.location_code as "location_code!", i.priority as "priority!", i.active as "active!",
               i.on_hand as "on_hand!", i.allocated as "allocated!", i.held as "held!",
               i.safety_stock as "safety_stock!", i.backorder_limit as "backorder_limit!"
           from page
           join stock_at($3) i using (tenant_id, variant_id)
           left join variant_stock v using (tenant_id, variant_id)
           order by page.tenant_id, page.variant_id, i.priority, i.location_id"#,
        tenant,
        variant,
        page.now,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let mut records: Vec<(TenantId, PublishedStock)> = Vec::new();
    for row in rows {
        let level = Level {
            variant_id: row.variant_id,
            location_id: row.location_id,
            on_hand: row.on_hand,
            allocated: row.allocated,
            held: row.held,
            safety_stock: row.safety_stock,
            backorder_limit: row.backorder_limit,
        };
        let place = StockAt::new(&level, row.location_code, row.priority, row.active);
        let same = |(tenant, last): &&mut (TenantId, PublishedStock)| {
            (*tenant, last.stock.variant_id) == (row.tenant_id, row.variant_id)
        };
        if let Some((_, last)) = records.last_mut().filter(same) {
            last.stock.items.push(place);
        } else {
            let stock = VariantStock { variant_id: row.variant_id, items: vec![place] };
            records.push((row.tenant_id, PublishedStock { stock, version: row.stock_version }));
        }
    }
    Ok(records)
}
