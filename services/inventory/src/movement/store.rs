//! SQL of the ledger. Inserting a movement changes the levels of its item; no other statement writes levels.

use bloom_db::TenantTx;
use bloom_kernel::{HoldId, LocationId, MovementId, OrderId, Timestamp, VariantId};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::model::{ItemKey, Movement, MovementFilter, MovementKind};

/// Writes corrections of the units on hand, all of one kind and for one reason.
pub async fn movement_correct(
    tx: &mut TenantTx,
    kind: MovementKind,
    reason: Option<&str>,
    deltas: &[(MovementId, ItemKey, i64)],
) -> sqlx::Result<()> {
    let (tenant, actor, now) = (tx.tenant().uuid(), tx.actor().to_owned(), tx.now());
    let ids: Vec<Uuid> = deltas.iter().map(|(id, ..)| id.uuid()).collect();
    let variants: Vec<Uuid> = deltas.iter().map(|(_, key, _)| key.variant_id.uuid()).collect();
    let locations: Vec<Uuid> = deltas.iter().map(|(_, key, _)| key.location_id.uuid()).collect();
    let on_hand: Vec<i64> = deltas.iter().map(|(.., delta)| *delta).collect();
    sqlx::query!(
        "insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta, held_delta,
             reason, actor, occurred_at)
         select $1, id, variant_id, location_id, $2, delta, 0, 0, $3, $4, $5
         from unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::int8[]) as m(id, variant_id, location_id, delta)",
        tenant,
        kind.as_str(),
        reason,
        actor,
        now,
        &ids,
        &variants,
        &locations,
        &on_hand,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// An expired line of a hold.
#[derive(Debug, Clone, Copy)]
pub struct PastLine {
    /// Its hold.
    pub hold_id: HoldId,
    /// Its position in the hold.
    pub position: i32,
    /// The item of its units.
    pub key: ItemKey,
    /// Its units.
    pub quantity: i64,
}

/// Records that the units of expired lines are free again.
pub async fn movement_expire(tx: &mut TenantTx, lines: &[(MovementId, PastLine)]) -> sqlx::Result<()> {
    let (tenant, actor, now) = (tx.tenant().uuid(), tx.actor().to_owned(), tx.now());
    let ids: Vec<Uuid> = lines.iter().map(|(id, _)| id.uuid()).collect();
    let holds: Vec<Uuid> = lines.iter().map(|(_, line)| line.hold_id.uuid()).collect();
    let positions: Vec<i32> = lines.iter().map(|(_, line)| line.position).collect();
    let variants: Vec<Uuid> = lines.iter().map(|(_, line)| line.key.variant_id.uuid()).collect();
    let locations: Vec<Uuid> = lines.iter().map(|(_, line)| line.key.location_id.uuid()).collect();
    let quantities: Vec<i64> = lines.iter().map(|(_, line)| line.quantity).collect();
    sqlx::query!(
        "insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta, held_delta,
             hold_id, hold_position, actor, occurred_at)
         select $1, id, variant_id, location_id, 'hold_expired', 0, 0, -quantity, hold_id, position, $2, $3
         from unnest($4::uuid[], $5::uuid[], $6::int4[], $7::uuid[], $8::uuid[], $9::int8[])
             as m(id, hold_id, position, variant_id, location_id, quantity)",
        tenant,
        actor,
        now,
        &ids,
        &holds,
        &positions,
        &variants,
        &locations,
        &quantities,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: MovementId,
    kind: String,
    variant_id: VariantId,
    location_id: LocationId,
    on_hand_delta: i64,
    allocated_delta: i64,
    held_delta: i64,
    hold_id: Option<HoldId>,
    order_id: Option<OrderId>,
    reason: Option<String>,
    actor: String,
    occurred_at: Timestamp,
}

/// A page of movements after a position, newest first.
pub async fn movement_list(
    conn: &mut PgConnection,
    filter: MovementFilter,
    after: Option<MovementId>,
    limit: i64,
) -> sqlx::Result<Vec<Movement>> {
    let mut query = QueryBuilder::<Postgres>::new(
        "select id, kind, variant_id, location_id, on_hand_delta, allocated_delta, held_delta, hold_id, order_id, reason,
             actor, occurred_at
         from movement where true",
    );
    if let Some(id) = after {
        query.push(" and id < ").push_bind(id);
    }
    if let Some(variant) = filter.variant_id {
        query.push(" and variant_id = ").push_bind(variant);
    }
    if let Some(location) = filter.location_id {
        query.push(" and location_id = ").push_bind(location);
    }
    if let Some(order) = filter.order_id {
        query.push(" and order_id = ").push_bind(order);
    }
    query.push(" order by id desc limit ").push_bind(limit);
    let rows: Vec<Row> = query.build_query_as().fetch_all(conn).await?;
    rows.into_iter().map(movement).collect()
}

/// The movements with these ids, in the order of the ids.
pub async fn movement_get(conn: &mut PgConnection, ids: &[MovementId]) -> sqlx::Result<Vec<Movement>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: MovementId", kind, variant_id as "variant_id: VariantId", location_id as "location_id: LocationId",
               on_hand_delta, allocated_delta, held_delta, hold_id as "hold_id: HoldId", order_id as "order_id: OrderId",
               reason, actor, occurred_at
           from movement where id = any($1) order by array_position($1, id)"#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(movement).collect()
}

fn movement(row: Row) -> sqlx::Result<Movement> {
    let kind = MovementKind::parse(&row.kind).ok_or_else(|| sqlx::Error::Decode(format!("kind {}", row.kind).into()))?;
    Ok(Movement {
        id: row.id,
        kind,
        variant_id: row.variant_id,
        location_id: row.location_id,
        on_hand_delta: row.on_hand_delta,
        allocated_delta: row.allocated_delta,
        held_delta: row.held_delta,
        hold_id: row.hold_id,
        order_id: row.order_id,
        reason: row.reason,
        actor: row.actor,
        occurred_at: row.occurred_at,
    })
}
