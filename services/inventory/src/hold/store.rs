//! SQL of holds and their lines. The number of statements does not depend on the number of lines.

use bloom_db::{TenantTx, WriteOnce, Writer as _, write_once};
use bloom_events::ExportPage;
use bloom_kernel::{HoldId, LocationId, MovementId, OrderId, TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Hold, HoldLine, HoldStatus};
use crate::item::Level;
use crate::movement::{ItemKey, MovementKind, PastLine};

/// The items of a request, locked.
#[derive(Debug, Default)]
pub struct LockedStock {
    /// Levels in the order in which locations serve. Units of expired lines count as free.
    pub levels: Vec<Level>,
    /// Expired lines that were ended here; the caller writes their movements.
    pub past: Vec<PastLine>,
}

/// Locks all items of the variants at the given locations (at every active one when none is given) and ends their expired
/// lines.
///
/// The lines are ended by an `update` and not only read. If the statement waited for a lock, its snapshot of the lines is outdated,
/// and only an `update` reads each changed row again.
pub async fn stock_lock(
    conn: &mut PgConnection,
    variants: &[Uuid],
    locations: &[Uuid],
    now: Timestamp,
) -> sqlx::Result<LockedStock> {
    let rows = sqlx::query!(
        r#"with item as materialized (
               select i.variant_id, i.location_id, i.on_hand, i.allocated, i.held, i.safety_stock, i.backorder_limit,
                   coalesce(array_position($2::uuid[], l.id), l.priority) as rank
               from stock_item i
               join location l on (l.tenant_id, l.id) = (i.tenant_id, i.location_id)
               where i.variant_id = any((select $1::uuid[])::uuid[]) and l.active
                   and (cardinality($2::uuid[]) = 0 or l.id = any((select $2::uuid[])::uuid[]))
               order by i.variant_id, i.location_id
               for no key update of i
           ), past as (
               update hold_line l set active = false
               from item
               where l.variant_id = item.variant_id and l.location_id = item.location_id
                   and l.active and l.expires_at <= $3
               returning l.hold_id, l.position, l.variant_id, l.location_id, l.quantity
           )
           select item.variant_id as "variant_id: VariantId", item.location_id as "location_id: LocationId", on_hand,
               allocated, held, safety_stock, backorder_limit,
               past.hold_id as "past_hold_id?: HoldId", past.position as "past_position?", past.quantity as "past_quantity?"
           from item
           left join past using (variant_id, location_id)
           order by rank, item.location_id, item.variant_id"#,
        variants,
        locations,
        now,
    )
    .fetch_all(conn)
    .await?;
    let mut stock = LockedStock::default();
    for row in rows {
        let key = ItemKey { variant_id: row.variant_id, location_id: row.location_id };
        let seen =
            stock.levels.last().is_some_and(|last| (last.variant_id, last.location_id) == (key.variant_id, key.location_id));
        if !seen {
            stock.levels.push(Level {
                variant_id: row.variant_id,
                location_id: row.location_id,
                on_hand: row.on_hand,
                allocated: row.allocated,
                held: row.held,
                safety_stock: row.safety_stock,
                backorder_limit: row.backorder_limit,
            });
        }
        if let (Some(hold_id), Some(position), Some(quantity)) = (row.past_hold_id, row.past_position, row.past_quantity) {
            stock.past.push(PastLine { hold_id, position, key, quantity });
            if let Some(level) = stock.levels.last_mut() {
                level.held -= quantity;
            }
        }
    }
    Ok(stock)
}

/// Writes a hold, its lines and their movements; false when the id has been used before.
pub async fn hold_insert(write: WriteOnce<'_>, hold: &Hold, fingerprint: &[u8], movements: &[MovementId]) -> sqlx::Result<bool> {
    let positions: Vec<i32> = (0..).take(hold.lines.len()).collect();
    let ids: Vec<Uuid> = movements.iter().map(|id| id.uuid()).collect();
    let names: Vec<String> = hold.lines.iter().map(|line| line.line_id.clone()).collect();
    let variants: Vec<Uuid> = hold.lines.iter().map(|line| line.variant_id.uuid()).collect();
    let locations: Vec<Uuid> = hold.lines.iter().map(|line| line.location_id.uuid()).collect();
    let quantities: Vec<i64> = hold.lines.iter().map(|line| line.quantity).collect();
    let backordered: Vec<i64> = hold.lines.iter().map(|line| line.backordered).collect();
    let actor = write.cause().actor.clone();
    let made = write_once!(
        write,
        "made as (
             insert into hold (tenant_id, id, status, expires_at, fingerprint, version, created_at, updated_at)
             values ($1, $4, 'active', $5, $6, 1, $7, $7)
             on conflict (tenant_id, id) do nothing
             returning version
         ), given as (
             select line.*
             from made, unnest($9::int4[], $10::uuid[], $11::text[], $12::uuid[], $13::uuid[], $14::int8[], $15::int8[])
                 as line(position, movement_id, line_id, variant_id, location_id, quantity, backordered)
         ), line as (
             insert into hold_line (tenant_id, hold_id, position, line_id, variant_id, location_id, quantity, backordered,
                 expires_at, active)
             select $1, $4, position, line_id, variant_id, location_id, quantity, backordered, $5, true from given
         ), movement as (
             insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta,
                 held_delta, hold_id, hold_position, actor, occurred_at)
             select $1, movement_id, variant_id, location_id, 'held', 0, 0, quantity, $4, position, $8, $7 from given
         ), changed as (
             select version as answer from made
         )",
        hold.id.uuid(),
        hold.expires_at,
        fingerprint,
        hold.created_at,
        actor,
        &positions,
        &ids,
        &names,
        &variants,
        &locations,
        &quantities,
        &backordered,
    )?;
    Ok(made.is_some())
}

/// Writes a hold that was released before it was placed, so that a request still in progress cannot place it; false when the id
/// has been used before.
pub async fn hold_forbid(tx: &mut TenantTx, id: HoldId) -> sqlx::Result<bool> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let done = sqlx::query!(
        "insert into hold (tenant_id, id, status, expires_at, version, created_at, updated_at, ended_at)
         values ($1, $2, 'released', $3, 1, $3, $3, $3)
         on conflict (tenant_id, id) do nothing",
        tenant,
        id.uuid(),
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A hold as stored, with the digest of the request that placed it.
#[derive(Debug)]
pub struct StoredHold {
    /// The hold.
    pub hold: Hold,
    /// Null when the hold was released before it was placed.
    pub fingerprint: Option<Vec<u8>>,
}

struct Row {
    id: HoldId,
    status: String,
    expires_at: Timestamp,
    fingerprint: Option<Vec<u8>>,
    order_id: Option<OrderId>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    line_id: Option<String>,
    variant_id: Option<VariantId>,
    location_id: Option<LocationId>,
    quantity: Option<i64>,
    backordered: Option<i64>,
}

/// Groups rows into holds; the rows of one hold are adjacent.
fn holds(rows: Vec<Row>) -> sqlx::Result<Vec<StoredHold>> {
    let mut holds: Vec<StoredHold> = Vec::new();
    for row in rows {
        if holds.last().is_none_or(|last| last.hold.id != row.id) {
            let status =
                HoldStatus::parse(&row.status).ok_or_else(|| sqlx::Error::Decode(format!("status {}", row.status).into()))?;
            let hold = Hold {
                id: row.id,
                status,
                expires_at: row.expires_at,
                lines: Vec::new(),
                order_id: row.order_id,
                version: row.version,
                created_at: row.created_at,
                updated_at: row.updated_at,
            };
            holds.push(StoredHold { hold, fingerprint: row.fingerprint });
        }
        let line = (row.line_id, row.variant_id, row.location_id, row.quantity, row.backordered);
        if let ((Some(line_id), Some(variant_id), Some(location_id), Some(quantity), Some(backordered)), Some(last)) =
            (line, holds.last_mut())
        {
            last.hold.lines.push(HoldLine { line_id, variant_id, location_id, quantity, backordered });
        }
    }
    Ok(holds)
}

/// One hold.
pub async fn hold_get(conn: &mut PgConnection, id: HoldId) -> sqlx::Result<Option<StoredHold>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select h.id as "id: HoldId", h.status, h.expires_at, h.fingerprint, h.order_id as "order_id: OrderId", h.version,
               h.created_at, h.updated_at, l.line_id as "line_id?", l.variant_id as "variant_id?: VariantId",
               l.location_id as "location_id?: LocationId", l.quantity as "quantity?", l.backordered as "backordered?"
           from hold h left join hold_line l on (l.tenant_id, l.hold_id) = (h.tenant_id, h.id)
           where h.id = $1 order by l.position"#,
        id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(holds(rows)?.pop())
}

/// A page of holds after a position, newest first, optionally of one status. `active` excludes expired holds.
pub async fn hold_list(
    conn: &mut PgConnection,
    status: Option<HoldStatus>,
    after: Option<HoldId>,
    now: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Hold>> {
    let before = after.map_or(Uuid::max(), HoldId::uuid);
    let rows = match status {
        Some(status) => {
            sqlx::query_as!(
                Row,
                r#"select h.id as "id: HoldId", h.status, h.expires_at, h.fingerprint, h.order_id as "order_id: OrderId",
                       h.version, h.created_at, h.updated_at, l.line_id as "line_id?",
                       l.variant_id as "variant_id?: VariantId", l.location_id as "location_id?: LocationId",
                       l.quantity as "quantity?", l.backordered as "backordered?"
                   from (
                       select * from hold
                       where status = $1 and id < $2 and (status <> 'active' or $3 < expires_at)
                       order by id desc limit $4
                   ) h
                   left join hold_line l on (l.tenant_id, l.hold_id) = (h.tenant_id, h.id)
                   order by h.id desc, l.position"#,
                status.as_str(),
                before,
                now,
                limit,
            )
            .fetch_all(conn)
            .await?
        }
        None => {
            sqlx::query_as!(
                Row,
                r#"select h.id as "id: HoldId", h.status, h.expires_at, h.fingerprint, h.order_id as "order_id: OrderId",
                       h.version, h.created_at, h.updated_at, l.line_id as "line_id?",
                       l.variant_id as "variant_id?: VariantId", l.location_id as "location_id?: LocationId",
                       l.quantity as "quantity?", l.backordered as "backordered?"
                   from (select * from hold where id < $1 order by id desc limit $2) h
                   left join hold_line l on (l.tenant_id, l.hold_id) = (h.tenant_id, h.id)
                   order by h.id desc, l.position"#,
                before,
                limit,
            )
            .fetch_all(conn)
            .await?
        }
    };
    Ok(holds(rows)?.into_iter().map(|stored| stored.hold).collect())
}

/// Locks a hold, then the items of its lines.
pub async fn hold_lock(conn: &mut PgConnection, id: HoldId) -> sqlx::Result<Option<StoredHold>> {
    let rows = sqlx::query_as!(
        Row,
        r#"with held as materialized (
               select * from hold where id = $1 for no key update
           ), item as materialized (
               select i.variant_id from stock_item i
               where (i.variant_id, i.location_id) in (
                   select l.variant_id, l.location_id from held join hold_line l on l.hold_id = held.id
               )
               order by i.variant_id, i.location_id
               for no key update of i
           )
           select h.id as "id!: HoldId", h.status as "status!", h.expires_at as "expires_at!", h.fingerprint,
               h.order_id as "order_id: OrderId", h.version as "version!", h.created_at as "created_at!",
               h.updated_at as "updated_at!", l.line_id as "line_id?", l.variant_id as "variant_id?: VariantId",
               l.location_id as "location_id?: LocationId", l.quantity as "quantity?", l.backordered as "backordered?"
           from held h
           cross join (select count(*) from item) locked
           left join hold_line l on (l.tenant_id, l.hold_id) = (h.tenant_id, h.id)
           order by l.position"#,
        id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(holds(rows)?.pop())
}

/// Sets the end of a hold and of its lines; returns how many lines were still active.
pub async fn hold_extend(conn: &mut PgConnection, hold: &Hold) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"with held as (
               update hold set expires_at = $2, version = $3, updated_at = $4 where id = $1
           ), line as (
               update hold_line set expires_at = $2 where hold_id = $1 and active returning position
           )
           select count(*) as "lines!" from line"#,
        hold.id.uuid(),
        hold.expires_at,
        hold.version,
        hold.updated_at,
    )
    .fetch_one(conn)
    .await
}

/// Writes the end of a hold, of its active lines, and their movements; returns the number of those lines.
pub async fn hold_end(write: WriteOnce<'_>, hold: &Hold, kind: MovementKind, movements: &[MovementId]) -> sqlx::Result<i64> {
    let ids: Vec<Uuid> = movements.iter().map(|id| id.uuid()).collect();
    let actor = write.cause().actor.clone();
    let lines = write_once!(
        write,
        "held as (
             update hold set status = $5, order_id = $6, version = $7, updated_at = $8, ended_at = $8
             where tenant_id = $1 and id = $4
         ), line as (
             update hold_line set active = false where tenant_id = $1 and hold_id = $4 and active
             returning position, variant_id, location_id, quantity
         ), movement as (
             insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta,
                 held_delta, hold_id, hold_position, order_id, actor, occurred_at)
             select $1, ($11::uuid[])[position + 1], variant_id, location_id, $9, 0,
                 case when $6::uuid is null then 0 else quantity end, -quantity, $4, position, $6, $10, $8
             from line
         ), changed as (
             select count(*) as answer from line
         )",
        hold.id.uuid(),
        hold.status.as_str(),
        hold.order_id.map(OrderId::uuid),
        hold.version,
        hold.updated_at,
        kind.as_str(),
        actor,
        &ids,
    )?;
    Ok(lines.unwrap_or_default())
}

/// Holds of all tenants with their lines, for the export.
pub async fn hold_export(conn: &mut PgConnection, page: ExportPage<HoldId>) -> sqlx::Result<Vec<(TenantId, Hold)>> {
    let (tenant, id) = page.position();
    let tenants = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: HoldId" from hold
           where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
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
