//! SQL of changes to allocated units. Each change is applied once.

use bloom_db::TenantTx;
use bloom_kernel::{LocationId, MovementId, OrderId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::movement::{ItemKey, MovementKind};

/// A change of allocated units.
#[derive(Debug)]
pub struct Operation<'a> {
    /// The id of the operation.
    pub id: &'a str,
    /// Shipped or released.
    pub kind: MovementKind,
    /// The order whose units change.
    pub order_id: OrderId,
    /// Digest of the request.
    pub fingerprint: &'a [u8],
    /// Units by item, each item once.
    pub units: &'a [(MovementId, ItemKey, i64)],
}

/// The outcome of an [`Operation`].
#[derive(Debug)]
pub struct Applied {
    /// False when the id has been used before.
    pub is_new: bool,
    /// Items of which the order has too few units allocated, each with the allocated number. If there are any, nothing was written.
    pub lacking: Vec<(ItemKey, i64)>,
}

/// Writes an operation with its movements if the order has the units. Locks the items.
pub async fn operation_apply(tx: &mut TenantTx, operation: &Operation<'_>) -> sqlx::Result<Applied> {
    let (tenant, actor, now) = (tx.tenant().uuid(), tx.actor().to_owned(), tx.now());
    let ids: Vec<Uuid> = operation.units.iter().map(|(id, ..)| id.uuid()).collect();
    let variants: Vec<Uuid> = operation.units.iter().map(|(_, key, _)| key.variant_id.uuid()).collect();
    let locations: Vec<Uuid> = operation.units.iter().map(|(_, key, _)| key.location_id.uuid()).collect();
    let quantities: Vec<i64> = operation.units.iter().map(|(.., units)| *units).collect();
    let rows = sqlx::query!(
        r#"with made as (
               insert into stock_operation (tenant_id, id, kind, order_id, fingerprint, created_at)
               values ($1, $2, $3, $4, $5, $6)
               on conflict (tenant_id, id) do nothing
               returning id
           ), wanted as (
               select * from unnest($8::uuid[], $9::uuid[], $10::uuid[], $11::int8[])
                   as wanted(movement_id, variant_id, location_id, quantity)
           ), allocated as (
               select variant_id, location_id, sum(allocated_delta)::bigint as units
               from movement where order_id = $4 group by variant_id, location_id
           ), lacking as (
               select variant_id, location_id, coalesce(units, 0) as units
               from wanted left join allocated using (variant_id, location_id)
               where coalesce(units, 0) < quantity
           ), moved as (
               insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta,
                   held_delta, order_id, operation_id, actor, occurred_at)
               select $1, movement_id, variant_id, location_id, $3, case $3 when 'shipped' then -quantity else 0 end,
                   -quantity, 0, $4, made.id, $7, $6
               from made, wanted
               where not exists (select from lacking)
           )
           select exists (select from made) as "is_new!", lacking.variant_id as "variant_id?: VariantId",
               lacking.location_id as "location_id?: LocationId", lacking.units as "units?"
           from (values (1)) one left join lacking on true"#,
        tenant,
        operation.id,
        operation.kind.as_str(),
        operation.order_id.uuid(),
        operation.fingerprint,
        now,
        actor,
        &ids,
        &variants,
        &locations,
        &quantities,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut applied = Applied { is_new: true, lacking: Vec::new() };
    for row in rows {
        applied.is_new = row.is_new;
        if let (Some(variant_id), Some(location_id), Some(units)) = (row.variant_id, row.location_id, row.units) {
            applied.lacking.push((ItemKey { variant_id, location_id }, units));
        }
    }
    Ok(applied)
}

/// The digest of the request that created an operation.
pub async fn operation_fingerprint(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("select fingerprint from stock_operation where id = $1", id).fetch_optional(conn).await
}
