//! `/v1/payments/{id}/captures`, `/voids`, `/refunds` and what came of them: `/v1/payments/{id}/operations`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::{Fault, refuse_card_number};
use bloom_kernel::{Money, OperationId, PaymentId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::openapi::needs_key;
use bloom_web::{Caller, Json, Path, Query};
use bloom_web::{page::Page, page::PageQuery};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PaymentsRead, PaymentsWrite, secret_only};
use crate::Payments;
use crate::domain::OperationKind;
use crate::domain::operation::derived_id;
use crate::ops::Standing;
use crate::ops::move_money::{Amount, MoveMoney, move_money};
use crate::ops::void_payment::{Nothing, void};
use crate::shape::Operation;
use crate::store::operation::operation_list;
use crate::store::payment::payment_get;

pub(super) fn routes() -> ApiRouter<Payments> {
    ApiRouter::new()
        .api_route(
            "/v1/payments/{id}/captures",
            post_with(capture_create, |op| {
                needs_key(op).id("payment_capture").tag("payments").summary("Capture a payment, all or a part of it")
            }),
        )
        .api_route(
            "/v1/payments/{id}/voids",
            post_with(void_create, |op| {
                needs_key(op).id("payment_void").tag("payments").summary("Void what is authorised and not captured")
            }),
        )
        .api_route(
            "/v1/payments/{id}/refunds",
            post_with(refund_create, |op| {
                needs_key(op).id("payment_refund").tag("payments").summary("Refund a payment, all or a part of it")
            }),
        )
        .api_route(
            "/v1/payments/{id}/operations",
            get_with(list, |op| op.id("payment_operation_list").tag("payments").summary("List the operations of a payment")),
        )
}

/// How much to move.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Movement {
    /// In the payment's currency, above 0; all that is left when absent.
    amount: Option<Money>,
}

/// Nothing to say: a void gives up all that is left.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VoidCreate {}

async fn capture_create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(input): Json<Movement>,
) -> Result<Reply<Operation, 201>, Fault> {
    moved(&app, &caller, id, OperationKind::Capture, input).await
}

async fn refund_create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(input): Json<Movement>,
) -> Result<Reply<Operation, 201>, Fault> {
    moved(&app, &caller, id, OperationKind::Refund, input).await
}

async fn moved(
    app: &Payments,
    call: &RequestContext,
    payment: PaymentId,
    kind: OperationKind,
    input: Movement,
) -> Result<Reply<Operation, 201>, Fault> {
    let operation = operation_of_key(call, kind)?;
    let amount = input.amount.map_or(Amount::Left, Amount::Exact);
    Ok(reply(&move_money(app, call, MoveMoney { operation, payment, kind, amount }).await?))
}

async fn void_create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(VoidCreate {}): Json<VoidCreate>,
) -> Result<Reply<Operation, 201>, Fault> {
    let operation = operation_of_key(&caller, OperationKind::Void)?;
    Ok(reply(&void(&app, &caller, operation, id, Nothing::IsRefused).await?))
}

/// The operation; a repeat says that it is one.
fn reply(standing: &Standing) -> Reply<Operation, 201> {
    let reply = Reply::created(Operation::of(&standing.operation, standing.payment.currency));
    if standing.repeated { reply.repeated() } else { reply }
}

/// The operation is the record of its key: its id follows from it, so a repeat finds the first one, and the provider sees
/// the same id too.
fn operation_of_key(call: &RequestContext, kind: OperationKind) -> Result<OperationId, Fault> {
    secret_only(call)?;
    let key = call.require_idempotency_key()?;
    refuse_card_number("/idempotency-key", key)?;
    Ok(derived_id(kind.as_str(), &[call.tenant.uuid().as_bytes(), key.as_bytes()]))
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Operation>>, Fault> {
    secret_only(&caller)?;
    let list = format!("operations of {id}");
    let after = app.cursors.position(caller.tenant, list.as_bytes(), query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let payment = payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    let rows = operation_list(&mut conn, id, after, query.limit.get() + 1).await?;
    let rows = rows.iter().map(|operation| Operation::of(operation, payment.currency)).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, list.as_bytes(), query.limit, rows, |row: &Operation| row.id)))
}
