//! The current state of every aggregate, over all tenants, by tenant and id. Asked as the system role.

use std::str::FromStr;

use bloom_events::After;
use bloom_fault::Fault;
use bloom_kernel::{HoldId, LocationId, TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::hold::{Row, holds};
use super::stock::{Stocked, by_variant};
use crate::domain::hold::Hold;
use crate::domain::item::{Level, VariantStock};
use crate::domain::location::Location;

/// The position behind a record as two columns.
pub fn behind<T: FromStr + Into<Uuid>>(after: Option<After>) -> Result<Behind<T>, Fault> {
    let position = match after {
        None => (Uuid::nil(), Uuid::nil()),
        Some(after) => {
            let id: T = after.aggregate.parse().map_err(|_| Fault::invalid("/after", "cursor", "This is not a cursor."))?;
            (after.tenant.uuid(), id.into())
        }
    };
    Ok(Behind { position, kind: std::marker::PhantomData })
}

/// Where an export of one kind goes on.
pub struct Behind<T> {
    position: (Uuid, Uuid),
    kind: std::marker::PhantomData<T>,
}

/// Locations.
pub async fn location_page(
    conn: &mut PgConnection,
    behind: Behind<LocationId>,
    limit: i64,
) -> sqlx::Result<Vec<(TenantId, Location)>> {
    let (tenant, id) = behind.position;
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: LocationId", code, name, priority, active, version,
               created_at, updated_at
           from location where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let location = Location {
                id: row.id,
                code: row.code,
                name: row.name,
                priority: row.priority,
                active: row.active,
                version: row.version,
                created_at: row.created_at,
                updated_at: row.updated_at,
            };
            (row.tenant_id, location)
        })
        .collect())
}

/// A variant's stock with the version of its last event.
#[derive(Debug)]
pub struct StockRecord {
    /// Its environment.
    pub tenant: TenantId,
    /// Its version; 0 before its first event.
    pub version: i64,
    /// Its stock.
    pub stock: VariantStock,
}

/// Stock by variant. What has changed since the last event is in it already; the event to come tells it again.
pub async fn stock_page(
    conn: &mut PgConnection,
    behind: Behind<VariantId>,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<StockRecord>> {
    let (tenant, variant) = behind.position;
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
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let mut records: Vec<StockRecord> = Vec::new();
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
        let item = Stocked { level, location_code: row.location_code, priority: row.priority, is_active: row.active };
        let stocks = by_variant(vec![item]);
        let same = |last: &&mut StockRecord| (last.tenant, last.stock.variant_id) == (row.tenant_id, row.variant_id);
        match records.last_mut().filter(same) {
            Some(last) => last.stock.items.extend(stocks.into_iter().flat_map(|stock| stock.items)),
            None => records.extend(stocks.into_iter().map(|stock| StockRecord {
                tenant: row.tenant_id,
                version: row.stock_version,
                stock,
            })),
        }
    }
    Ok(records)
}

/// Holds with their lines.
pub async fn hold_page(conn: &mut PgConnection, behind: Behind<HoldId>, limit: i64) -> sqlx::Result<Vec<(TenantId, Hold)>> {
    let (tenant, id) = behind.position;
    let tenants = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: HoldId" from hold
           where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<Uuid> = tenants.iter().map(|row| row.id.uuid()).collect();
    let owners: Vec<Uuid> = tenants.iter().map(|row| row.tenant_id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select h.id as "id: HoldId", h.status, h.expires_at, h.fingerprint, h.order_id as "order_id: _", h.version,
               h.created_at, h.updated_at, l.line_id as "line_id?", l.variant_id as "variant_id?: VariantId",
               l.location_id as "location_id?: LocationId", l.quantity as "quantity?", l.backordered as "backordered?"
           from unnest($1::uuid[], $2::uuid[]) as page(tenant_id, id)
           join hold h using (tenant_id, id)
           left join hold_line l on (l.tenant_id, l.hold_id) = (h.tenant_id, h.id)
           order by h.tenant_id, h.id, l.position"#,
        &owners,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(tenants.into_iter().map(|row| row.tenant_id).zip(holds(rows)?.into_iter().map(|stored| stored.hold)).collect())
}
