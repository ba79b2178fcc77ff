//! The endpoints of payments: lists, one payment, its operations.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::Router;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, Limit, PaymentId};
use bloom_runtime::Reply;
use bloom_runtime::http::page::{Page, PageQuery};
use bloom_runtime::http::{Caller, Path, Query};
use bloom_runtime::openapi::needs_key;
use schemars::JsonSchema;
use serde::Deserialize;

use super::dto::PaymentDto;
use super::model::PaymentStatus;
use super::movement::{capture, refund};
use super::return_payer::return_payer;
use super::store::{PaymentFilter, payment_get, payment_list};
use super::{confirm, void};
use crate::Payments;
use crate::access::{PaymentsRead, require_secret_key};
use crate::operation::{OperationDto, operation_list};

pub(crate) fn routes() -> ApiRouter<Payments> {
    ApiRouter::new()
        .api_route(
            "/v1/payments",
            get_with(list, |op| op.id("payment_list").tag("payments").summary("List payments, newest first")),
        )
        .api_route("/v1/payments/{payment_id}", get_with(get, |op| op.id("payment_get").tag("payments").summary("Get a payment")))
        .api_route(
            "/v1/payments/{payment_id}/operations",
            get_with(list_operations, |op| {
                op.id("payment_operation_list").tag("payments").summary("List the operations of a payment")
            }),
        )
        .api_route(
            "/v1/payments/{payment_id}/captures",
            post_with(capture, |op| {
                needs_key(op).id("payment_capture").tag("payments").summary("Capture a payment, all or a part of it")
            }),
        )
        .api_route(
            "/v1/payments/{payment_id}/voids",
            post_with(void::create, |op| {
                needs_key(op).id("payment_void").tag("payments").summary("Void what is authorised and not captured")
            }),
        )
        .api_route(
            "/v1/payments/{payment_id}/refunds",
            post_with(refund, |op| {
                needs_key(op).id("payment_refund").tag("payments").summary("Refund a payment, all or a part of it")
            }),
        )
        .api_route(
            "/v1/payments/{payment_id}/confirmations",
            post_with(confirm::create, |op| {
                needs_key(op).id("payment_confirm").tag("payments").summary("Record the outcome of a manual payment")
            }),
        )
}

/// For payers' browsers, which carry no key.
pub(crate) fn browser_routes() -> Router<Payments> {
    Router::new().route("/v1/payments/return/{payment_id}", axum::routing::get(return_payer))
}

/// Which payments to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PaymentQuery {
    /// Payments per page.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Only payments of this status.
    status: Option<PaymentStatus>,
    /// Only the payment of this checkout.
    checkout_id: Option<CheckoutId>,
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Query(query): Query<PaymentQuery>,
) -> Result<Reply<Page<PaymentDto>>, Fault> {
    require_secret_key(&caller)?;
    let list = format!("payments status={:?} checkout={:?}", query.status, query.checkout_id);
    let before = app.cursors.position(caller.tenant, list.as_bytes(), query.cursor.as_deref())?;
    let filter = PaymentFilter { status: query.status, checkout: query.checkout_id, before };
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = payment_list(&mut conn, filter, query.limit.get() + 1).await?;
    let rows = rows.iter().map(PaymentDto::from).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, list.as_bytes(), query.limit, rows, |payment: &PaymentDto| payment.id)))
}

async fn get(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
) -> Result<Reply<PaymentDto>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let payment = payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    Ok(Reply::ok(PaymentDto::from(&payment)).etag(payment.version))
}

async fn list_operations(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<OperationDto>>, Fault> {
    require_secret_key(&caller)?;
    let list = format!("operations of {id}");
    let after = app.cursors.position(caller.tenant, list.as_bytes(), query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let payment = payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    let rows = operation_list(&mut conn, id, after, query.limit.get() + 1).await?;
    let rows = rows.iter().map(|operation| OperationDto::new(operation, payment.currency)).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, list.as_bytes(), query.limit, rows, |row: &OperationDto| row.id)))
}
