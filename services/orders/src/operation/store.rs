//! SQL of operations.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, OperationId, OrderId, PaymentId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{Operation, OperationKind, OperationStatus, StockUnits};
use crate::failure::Failure;

/// Stores operations, all in one statement.
pub async fn operation_insert(tx: &mut TenantTx, operations: &[Operation]) -> Result<(), Fault> {
    let ids: Vec<Uuid> = operations.iter().map(|operation| operation.id.uuid()).collect();
    let orders: Vec<Uuid> = operations.iter().map(|operation| operation.order_id.uuid()).collect();
    let kinds: Vec<String> = operations.iter().map(|operation| operation.kind.as_str().to_owned()).collect();
    let amounts: Vec<Option<i64>> = operations.iter().map(|operation| operation.amount).collect();
    let targets: Vec<Option<Uuid>> = operations.iter().map(|operation| operation.target_id).collect();
    let units: Vec<serde_json::Value> =
        operations.iter().map(|operation| serde_json::to_value(&operation.units).unwrap_or_default()).collect();
    let with_fulfilments: Vec<bool> = operations.iter().map(|operation| operation.with_fulfilment).collect();
    let actors: Vec<String> = operations.iter().map(|operation| operation.actor.clone()).collect();
    let times: Vec<Timestamp> = operations.iter().map(|operation| operation.created_at).collect();
    sqlx::query!(
        "insert into operation (tenant_id, id, order_id, kind, status, amount, target_id, units, with_fulfilment, actor, attempts,
                                created_at, updated_at)
         select $1, id, order_id, kind, 'running', amount, target_id, units, with_fulfilment, actor, 0, at, at
         from unnest($2::uuid[], $3::uuid[], $4::text[], $5::int8[], $6::uuid[], $7::jsonb[], $8::bool[], $9::text[],
                     $10::timestamptz[])
              as new(id, order_id, kind, amount, target_id, units, with_fulfilment, actor, at)",
        tx.tenant().uuid(),
        &ids,
        &orders,
        &kinds,
        &amounts as &[Option<i64>],
        &targets as &[Option<Uuid>],
        &units,
        &with_fulfilments,
        &actors,
        &times,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An operation.
pub async fn operation_get(conn: &mut PgConnection, id: OperationId) -> Result<Option<Operation>, Fault> {
    let row = sqlx::query!(
        r#"select operation.id as "id: OperationId", order_id as "order_id: OrderId", payment_id as "payment_id: PaymentId",
                  kind, operation.status, amount, target_id, units as "units: Json<Vec<StockUnits>>",
                  with_fulfilment, failure as "failure: Json<Failure>", actor, attempts, created_at
           from operation join orders on orders.tenant_id = operation.tenant_id and orders.id = operation.order_id
           where operation.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let unknown = || Fault::internal("an operation has an unknown kind or status");
        Ok(Operation {
            id: row.id,
            order_id: row.order_id,
            payment_id: row.payment_id,
            kind: OperationKind::parse(&row.kind).ok_or_else(unknown)?,
            status: OperationStatus::parse(&row.status).ok_or_else(unknown)?,
            amount: row.amount,
            target_id: row.target_id,
            units: row.units.0,
            with_fulfilment: row.with_fulfilment,
            failure: row.failure.map(|json| json.0),
            actor: row.actor,
            attempts: row.attempts,
            created_at: row.created_at,
        })
    })
    .transpose()
}

/// Stores the final answer of a running operation; false when it was stored before.
pub async fn operation_settle(
    conn: &mut PgConnection,
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
    .execute(conn)
    .await?;
    Ok(settled.rows_affected() == 1)
}

/// Counts a call that had no final answer.
pub async fn operation_attempted(conn: &mut PgConnection, id: OperationId, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!("update operation set attempts = attempts + 1, updated_at = $2 where id = $1", id.uuid(), now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Captures and refunds of an order that were called before and had no final answer.
pub async fn operations_waiting(conn: &mut PgConnection, order: OrderId) -> Result<Vec<OperationId>, Fault> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id: OperationId" from operation
           where order_id = $1 and status = 'running' and attempts > 0 and kind in ('capture', 'refund')"#,
        order.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Fulfilments of an order whose shipment inventory has not answered yet.
pub async fn operations_shipping(conn: &mut PgConnection, order: OrderId) -> Result<Vec<FulfilmentId>, Fault> {
    let fulfilments = sqlx::query_scalar!(
        r#"select target_id as "fulfilment!: FulfilmentId" from operation
           where order_id = $1 and status = 'running' and kind = 'ship' and target_id is not null"#,
        order.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(fulfilments)
}

/// Whether an order has an operation of this kind, in whatever state.
pub async fn operation_of_kind(conn: &mut PgConnection, order: OrderId, kind: OperationKind) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from operation where order_id = $1 and kind = $2) as "exists!""#,
        order.uuid(),
        kind.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// What running operations do with an order's money.
pub struct MoneyInFlight {
    /// Minor units that are being captured.
    pub capturing: i64,
    /// Whether the authorisation is being voided.
    pub voiding: bool,
}

/// What running operations do with an order's money.
pub async fn operations_moving_money(conn: &mut PgConnection, order: OrderId) -> Result<MoneyInFlight, Fault> {
    let money = sqlx::query_as!(
        MoneyInFlight,
        r#"select coalesce(sum(amount) filter (where kind = 'capture'), 0)::bigint as "capturing!",
                  coalesce(bool_or(kind = 'void'), false) as "voiding!"
           from operation where order_id = $1 and status = 'running'"#,
        order.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(money)
}
