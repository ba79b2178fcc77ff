//! Those who carry no key: providers with their notices, payers' browsers on their way back.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bloom_fault::{Code, Fault};
use bloom_kernel::{ConnectionId, PaymentId};
use bloom_web::{Path, Query};
use http::HeaderMap;
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;

use crate::Payments;
use crate::domain::return_url::with_outcome;
use crate::domain::signature::Signed;
use crate::ops::receive_notice::receive;
use crate::ops::return_payer::return_payer;

/// No notice is longer.
const NOTICE_MAX: usize = 64 * 1024;

pub(super) fn routes() -> Router<Payments> {
    Router::new()
        .route("/v1/payments/webhooks/{connection}", post(notice_receive))
        .route("/v1/payments/return/{payment_id}", get(payer_return))
}

async fn notice_receive(
    State(app): State<Payments>,
    Path(connection): Path<ConnectionId>,
    request: Request,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let signed = signed(&parts.headers)?;
    let body = Limited::new(body, NOTICE_MAX).collect().await.map_err(|error| {
        Fault::new(Code::TooLarge, "body_too_large", format!("A notice has at most {NOTICE_MAX} bytes.")).source(error)
    })?;
    receive(&app, connection, signed, &body.to_bytes()).await?;
    Ok(axum::Json(serde_json::json!({})).into_response())
}

fn signed(headers: &HeaderMap) -> Result<Signed<'_>, Fault> {
    let missing = |name: &'static str| {
        Fault::new(Code::Unauthenticated, "webhook_signature_missing", format!("The notice carries no header {name}."))
    };
    let malformed = |detail: &'static str| Fault::new(Code::Invalid, "webhook_malformed", detail);
    let text = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| missing(name));
    // It is stored before anything else is known of the notice.
    let id = headers.get("webhook-id").ok_or_else(|| missing("webhook-id"))?;
    let id =
        id.to_str().ok().filter(|id| (1..=255).contains(&id.len()) && !id.chars().any(char::is_control)).ok_or_else(|| {
            malformed("webhook-id is not 1 to 255 printable ASCII characters. Send the notice with a shorter, plain id.")
        })?;
    let timestamp = text("webhook-timestamp")?.parse().map_err(|_| malformed("webhook-timestamp is not a number of seconds."))?;
    Ok(Signed { id, timestamp, signatures: text("webhook-signature")? })
}

#[derive(Deserialize, schemars::JsonSchema)]
struct ReturnQuery {
    connection: ConnectionId,
}

async fn payer_return(
    State(app): State<Payments>,
    Path(payment): Path<PaymentId>,
    Query(ReturnQuery { connection }): Query<ReturnQuery>,
) -> Result<Response, Fault> {
    let payment = return_payer(&app, payment, connection).await?;
    let Some(url) = payment.return_url.as_deref().and_then(|url| with_outcome(url, &payment)) else {
        return Ok(Html("<!doctype html><title>Thank you</title><p>You may close this window.</p>").into_response());
    };
    Ok(Redirect::to(&url).into_response())
}
