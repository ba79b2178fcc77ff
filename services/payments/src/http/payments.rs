//! `/v1/payments`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, Limit, PaymentId};
use bloom_web::Reply;
use bloom_web::openapi::needs_key;
use bloom_web::page::Page;
use bloom_web::{Caller, Json, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PaymentsRead, PaymentsWrite, secret_only};
use crate::Payments;
use crate::domain::PaymentStatus;
use crate::error::check_text;
use crate::ops::confirm_payment::{Verdict, confirm};
use crate::shape::Payment;
use crate::store::payment::{PaymentFilter, payment_get, payment_list};

pub(super) fn routes() -> ApiRouter<Payments> {
    ApiRouter::new()
        .api_route(
            "/v1/payments",
            get_with(list, |op| op.id("payment_list").tag("payments").summary("List payments, newest first")),
        )
        .api_route("/v1/payments/{id}", get_with(fetch, |op| op.id("payment_get").tag("payments").summary("Get a payment")))
        .api_route(
            "/v1/payments/{id}/confirmations",
            post_with(confirmation_create, |op| {
                needs_key(op).id("payment_confirm").tag("payments").summary("Record the outcome of a manual payment")
            }),
        )
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
    /// Only payments that stand so.
    status: Option<PaymentStatus>,
    /// Only the payment of this checkout.
    checkout_id: Option<CheckoutId>,
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Query(query): Query<PaymentQuery>,
) -> Result<Reply<Page<Payment>>, Fault> {
    secret_only(&caller)?;
    let list = format!("payments status={:?} checkout={:?}", query.status, query.checkout_id);
    let before = app.cursors.position(caller.tenant, list.as_bytes(), query.cursor.as_deref())?;
    let filter = PaymentFilter { status: query.status, checkout: query.checkout_id, before };
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = payment_list(&mut conn, filter, query.limit.get() + 1).await?;
    let rows = rows.iter().map(Payment::from).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, list.as_bytes(), query.limit, rows, |payment: &Payment| payment.id)))
}

async fn fetch(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<PaymentId>,
) -> Result<Reply<Payment>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let payment = payment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    Ok(Reply::ok(Payment::from(&payment)).etag(payment.version))
}

/// What the merchant knows about a manual payment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// How it ended.
    outcome: Outcome,
    /// The merchant's own name for it, for example of a bank transfer.
    #[schemars(length(min = 1, max = 255))]
    reference: Option<String>,
    /// Why it failed, for people.
    #[schemars(length(min = 1, max = 500))]
    message: Option<String>,
}

/// How a manual authorisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The money is promised.
    Authorised,
    /// It is not, and will not be.
    Failed,
}

async fn confirmation_create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(input): Json<Confirmation>,
) -> Result<Reply<Payment>, Fault> {
    caller.require_idempotency_key()?;
    secret_only(&caller)?;
    for (pointer, text, max) in [("/reference", &input.reference, 255), ("/message", &input.message, 500)] {
        if let Some(text) = text {
            check_text(pointer, text, max)?;
        }
    }
    let mut tx = match app.db.begin(&caller, "payment_confirm", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let verdict = match input.outcome {
        Outcome::Authorised => Verdict::Authorised,
        Outcome::Failed => Verdict::Failed(input.message.unwrap_or_else(|| "The merchant says that it failed.".to_owned())),
    };
    let payment = confirm(&app, &caller, &mut tx, id, verdict, input.reference).await?;
    let reply = Reply::ok(Payment::from(&payment)).etag(payment.version);
    tx.finish(reply).await
}
