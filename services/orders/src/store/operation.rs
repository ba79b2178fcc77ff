//! Calls to other services that an order needs.

use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, OperationId, OrderId, PaymentId, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::checkout::Failure;
use crate::domain::fulfilment::Units;
use crate::domain::operation::{Kind, Operation, OperationStatus};

/// Stores operations, all in one statement.
pub async fn operation_insert(connection: &mut PgConnection, tenant: TenantId, operations: &[Operation]) -> Result<(), Fault> {
    let ids: Vec<Uuid> = operations.iter().map(|operation| operation.id.uuid()).collect();
    let orders: Vec<Uuid> = operations.iter().map(|operation| operation.order_id.uuid()).collect();
    let kinds: Vec<String> = operations.iter().map(|operation| operation.kind.as_str().to_owned()).collect();
    let amounts: Vec<Option<i64>> = operations.iter().map(|operation| operation.amount).collect();
    let subjects: Vec<Option<Uuid>> = operations.iter().map(|operation| operation.subject).collect();
    let units: Vec<serde_json::Value> =
        operations.iter().map(|operation| serde_json::to_value(&operation.units).unwrap_or_default()).collect();
    let with_parcels: Vec<bool> = operations.iter().map(|operation| operation.with_parcel).collect();
    let actors: Vec<String> = operations.iter().map(|operation| operation.actor.clone()).collect();
    let times: Vec<Timestamp> = operations.iter().map(|operation| operation.created_at).collect();
    sqlx::query!(
        "insert into operation (tenant_id, id, order_id, kind, status, amount, subject, allocations, with_parcel, actor, attempts,
                                created_at, updated_at)
         select $1, id, order_id, kind, 'running', amount, subject, units, with_parcel, actor, 0, at, at
         from unnest($2::uuid[], $3::uuid[], $4::text[], $5::int8[], $6::uuid[], $7::jsonb[], $8::bool[], $9::text[],
                     $10::timestamptz[])
              as asked(id, order_id, kind, amount, subject, units, with_parcel, actor, at)",
        tenant.uuid(),
        &ids,
        &orders,
        &kinds,
        &amounts as &[Option<i64>],
        &subjects as &[Option<Uuid>],
        &units,
        &with_parcels,
        &actors,
        &times,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An operation.
pub async fn operation_get(connection: &mut PgConnection, id: OperationId) -> Result<Option<Operation>, Fault> {
    let row = sqlx::query!(
        r#"select operation.id as "id: OperationId", order_id as "order_id: OrderId", payment_id as "payment_id: PaymentId",
                  kind, operation.status, amount, subject, allocations as "units: Json<Vec<Units>>",
                  with_parcel, failure as "failure: Json<Failure>", actor, attempts, created_at
           from operation join orders on orders.tenant_id = operation.tenant_id and orders.id = operation.order_id
           where operation.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let unknown = || Fault::internal("an operation has an unknown kind or status");
        Ok(Operation {
            id: row.id,
            order_id: row.order_id,
            payment_id: row.payment_id,
            kind: Kind::parse(&row.kind).ok_or_else(unknown)?,
            status: OperationStatus::parse(&row.status).ok_or_else(unknown)?,
            amount: row.amount,
            subject: row.subject,
            units: row.units.0,
            with_parcel: row.with_parcel,
            failure: row.failure.map(|json| json.0),
            actor: row.actor,
            attempts: row.attempts,
            created_at: row.created_at,
        })
    })
    .transpose()
}

/// Settles a running operation; false when somebody else has.
pub async fn operation_settle(
    connection: &mut PgConnection,
    id: OperationId,
    failure: Option<&Failure>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let settled = sqlx::query!(
        "update operation set status = case when $2::jsonb is null then 'succeeded' else 'failed' end, failure = $2, updated_at = $3
         where id = $1 and status = 'running'",
        id.uuid(),
        failure.map(Json) as Option<Json<&Failure>>,
        now,
    )
    .execute(connection)
    .await?;
    Ok(settled.rows_affected() == 1)
}

/// Counts one more look at an operation that is still open.
pub async fn operation_waited(connection: &mut PgConnection, id: OperationId, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!("update operation set attempts = attempts + 1, updated_at = $2 where id = $1", id.uuid(), now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Captures and refunds of an order that were asked for before and had no final answer.
pub async fn operation_waiting(connection: &mut PgConnection, order: OrderId) -> Result<Vec<OperationId>, Fault> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id: OperationId" from operation
           where order_id = $1 and status = 'running' and attempts > 0 and kind in ('capture', 'refund')"#,
        order.uuid(),
    )
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Parcels of an order that stock has not answered for.
pub async fn operation_shipping(connection: &mut PgConnection, order: OrderId) -> Result<Vec<FulfilmentId>, Fault> {
    let parcels = sqlx::query_scalar!(
        r#"select subject as "parcel!: FulfilmentId" from operation
           where order_id = $1 and status = 'running' and kind = 'ship' and subject is not null"#,
        order.uuid(),
    )
    .fetch_all(connection)
    .await?;
    Ok(parcels)
}

/// Minor units that running captures will draw, and whether anything else moves the order's money.
pub async fn operation_money_under_way(connection: &mut PgConnection, order: OrderId) -> Result<(i64, bool), Fault> {
    let row = sqlx::query!(
        r#"select coalesce(sum(amount) filter (where kind = 'capture'), 0)::bigint as "captures!",
                  coalesce(bool_or(kind = 'void'), false) as "voids!"
           from operation where order_id = $1 and status = 'running'"#,
        order.uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok((row.captures, row.voids))
}
