//! `GET /v1/payments/return/{payment_id}`: the payer's browser returns from the provider. Its query string proves nothing, so the
//! provider is queried.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, PaymentId};
use bloom_runtime::RequestContext;
use bloom_web::{Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::Payment;
use super::resolve::query;
use super::return_url::with_outcome;
use super::settle::settle;
use super::store::payment_get;
use crate::connection::connection_tenant;
use crate::operation::operation_authorise;
use crate::{NAME, Payments};

#[derive(Deserialize, JsonSchema)]
pub(super) struct ReturnQuery {
    connection: ConnectionId,
}

pub(super) async fn return_payer(
    State(app): State<Payments>,
    Path(payment): Path<PaymentId>,
    Query(ReturnQuery { connection }): Query<ReturnQuery>,
) -> Result<Response, Fault> {
    let payment = current(&app, payment, connection).await?;
    let Some(url) = payment.return_url.as_deref().and_then(|url| with_outcome(url, &payment)) else {
        return Ok(Html("<!doctype html><title>Thank you</title><p>You may close this window.</p>").into_response());
    };
    Ok(Redirect::to(&url).into_response())
}

/// The payment after the query, or unchanged when the provider cannot be queried.
async fn current(app: &Payments, payment: PaymentId, connection: ConnectionId) -> Result<Payment, Fault> {
    let not_found = || Fault::not_found("payment");
    let tenant = connection_tenant(&app.db, connection).await?.ok_or_else(not_found)?;
    let context = RequestContext::background(NAME, tenant, &format!("provider:{connection}"));
    let mut conn = app.db.read(tenant).await?;
    let known = payment_get(&mut conn, payment).await?;
    let known = known.filter(|payment| payment.connection_id == connection).ok_or_else(not_found)?;
    if !known.status.is_open() {
        return Ok(known);
    }
    let Some(authorise) = operation_authorise(&mut conn, payment).await? else { return Ok(known) };
    drop(conn);
    match query(app, &context, authorise.id).await {
        Ok(Some(outcome)) => Ok(settle(app, &context, authorise.id, outcome).await?.payment),
        // Settled in the meantime, or the provider is unavailable; the scheduled queries continue.
        Ok(None) | Err(_) => Ok(payment_get(&mut *app.db.read(tenant).await?, payment).await?.unwrap_or(known)),
    }
}
