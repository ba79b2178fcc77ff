//! The endpoints of payments: lists, one payment, its operations.

use axum::Router;
use axum::extract::State;
use axum::routing;
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, PaymentId};
use bloom_web::{Caller, Doc, List, NoFilter, Page, Path, Reply, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::PaymentBody;
use super::model::PaymentStatus;
use super::movement::{capture, refund};
use super::return_payer::return_payer;
use super::store::{payment_get, payment_list};
use super::{confirm, void};
use crate::access::require_secret_key;
use crate::operation::{OperationBody, operation_list};
use crate::{Payments, PaymentsRead};

pub(crate) fn routes() -> Routes<Payments> {
    let with_key = |summary| Doc::new(summary).needs_key();
    Routes::new("/v1/payments")
        .get("payment_list", "List payments, newest first", list)
        .at("/{payment_id}")
        .get("payment_get", "Get a payment", get)
        .at("/{payment_id}/operations")
        .get("payment_operation_list", "List the operations of a payment", list_operations)
        .at("/{payment_id}/captures")
        .post("payment_capture", with_key("Capture a payment, all or a part of it"), capture)
        .at("/{payment_id}/voids")
        .post("payment_void", with_key("Void what is authorised and not captured"), void::create)
        .at("/{payment_id}/refunds")
        .post("payment_refund", with_key("Refund a payment, all or a part of it"), refund)
        .at("/{payment_id}/confirmations")
        .post("payment_confirm", with_key("Record the outcome of a manual payment"), confirm::create)
}

/// For payers' browsers, which carry no key.
pub(crate) fn browser_routes() -> Router<Payments> {
    Router::new().route("/v1/payments/return/{payment_id}", routing::get(return_payer))
}

/// Which payments to list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PaymentFilter {
    /// Only payments of this status.
    status: Option<PaymentStatus>,
    /// Only the payment of this checkout.
    checkout_id: Option<CheckoutId>,
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    List(page): List<PaymentFilter>,
) -> Result<Reply<Page<PaymentBody>>, Fault> {
    require_secret_key(&caller)?;
    let (before, PaymentFilter { status, checkout_id }) = (page.after()?, page.filter.clone());
    let mut conn = app.db.read(caller.tenant).await?;
    let payments = payment_list(&mut conn, status, checkout_id, before, page.rows()).await?;
    Ok(page.finish(payments.iter().map(PaymentBody::from).collect(), |payment| payment.id))
}

async fn get(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
) -> Result<Reply<PaymentBody>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let payment = payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    Ok(PaymentBody::from(&payment).into())
}

async fn list_operations(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<OperationBody>>, Fault> {
    require_secret_key(&caller)?;
    let after = page.after()?;
    let mut conn = app.db.read(caller.tenant).await?;
    let payment = payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    let operations = operation_list(&mut conn, id, after, page.rows()).await?;
    let body = |operation| OperationBody::new(operation, payment.currency);
    Ok(page.finish(operations.iter().map(body).collect(), |operation| operation.id))
}
