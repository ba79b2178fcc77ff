//! Opens the payment of a checkout and has it authorised. Called by gRPC.

use std::sync::Arc;

use bloom_db::idempotency;
use bloom_events::Publish as _;
use bloom_fault::{Fault, refuse_card_number};
use bloom_kernel::{CheckoutId, ConnectionId, Form, Money, OperationId, OrderId, PaymentId, Timestamp, ViolationCode, text};
use bloom_runtime::RequestContext;
use bloom_runtime::request_context::fingerprint as fingerprint_of;

use super::body::PaymentBody;
use super::execute::{OperationResult, execute};
use super::model::{Payment, PaymentStatus};
use super::refusal::{payment_exists, token_missing};
use super::return_url::{check_return_url, provider_return_url};
use super::schedule::resolve_at;
use super::store::{payment_get, payment_open};
use crate::Payments;
use crate::connection::{ConnectionSelector, OpenConnection};
use crate::operation::{Operation, OperationKind, operation_get};
use crate::provider::{ProviderKind, ProviderRequest};

text! {
    /// What a provider gives for the payer's instrument.
    struct PaymentToken { length: 1..=255, form: Form::LINE, example: "tok_success" }
}

/// What is to be authorised.
#[derive(Debug)]
pub(crate) struct Authorise {
    pub operation: OperationId,
    pub payment: PaymentId,
    pub checkout: CheckoutId,
    pub order: Option<OrderId>,
    pub amount: Money,
    pub provider: Option<ProviderKind>,
    pub token: String,
    pub return_url: Option<String>,
}

/// The payment and its authorisation afterwards; for a retry under the same id, as they are now.
pub(crate) async fn authorise(app: &Payments, context: &RequestContext, input: Authorise) -> Result<OperationResult, Fault> {
    check(&input)?;
    let selector = input.provider.map_or(ConnectionSelector::Default, ConnectionSelector::Provider);
    let now = app.context.now(context.tenant);
    let kind = OperationKind::Authorise;
    let operation =
        Operation::new(input.operation, input.payment, kind, input.amount.amount(), fingerprint(&input), &context.actor, now);
    // A retry must be answered even if another connection would be chosen now.
    let connection = match connection(app, context, selector).await {
        Ok(connection) => connection,
        Err(missing) => return replay(app, context, &operation).await?.ok_or(missing),
    };
    if let Err(unavailable) = app.providers.check_available(connection.id) {
        return replay(app, context, &operation).await?.ok_or(unavailable);
    }
    if connection.provider == ProviderKind::Sandbox && input.token.trim().is_empty() {
        return replay(app, context, &operation).await?.ok_or_else(token_missing);
    }
    let payment = open(&input, connection.id, connection.provider, now);
    let mut write = app.db.write_once(context);
    write.publish(&PaymentBody::from(&payment));
    resolve_at(&mut write, operation.id, 0, now);
    let opened = payment_open(write, &payment, &operation).await.map_err(|error| app.db.explain(error.into()))?;
    if !opened {
        return replay(app, context, &operation).await?.ok_or_else(payment_exists);
    }

    let return_url = provider_return_url(&app.public_url, payment.id, connection.id);
    let request = ProviderRequest {
        operation: operation.id,
        kind,
        amount: operation.amount,
        currency: payment.currency,
        token: Some(&input.token),
        authorisation: None,
        return_url: Some(&return_url),
    };
    execute(app, context, &connection, request, payment, operation).await
}

fn check(input: &Authorise) -> Result<(), Fault> {
    if input.amount.amount() <= 0 {
        let detail = "An amount of money to authorise is above 0.";
        return Err(Fault::invalid("/amount", ViolationCode::OutOfRange, detail));
    }
    if !input.token.is_empty() {
        PaymentToken::new(&input.token).map_err(|error| Fault::invalid_value("/token", error))?;
        refuse_card_number("/token", &input.token)?;
    }
    input.return_url.as_deref().map_or(Ok(()), check_return_url)
}

/// The payer's token is not stored, not even as a digest, so it cannot distinguish two requests.
fn fingerprint(input: &Authorise) -> Vec<u8> {
    fingerprint_of("payment_authorise", &(input.payment, input.checkout, input.order, input.amount, input.provider))
}

fn open(input: &Authorise, connection_id: ConnectionId, provider: ProviderKind, now: Timestamp) -> Payment {
    Payment {
        id: input.payment,
        checkout_id: input.checkout,
        order_id: input.order,
        connection_id,
        provider,
        currency: input.amount.currency(),
        amount: input.amount.amount(),
        status: PaymentStatus::Pending,
        authorised: 0,
        capture_pending: 0,
        captured: 0,
        void_pending: 0,
        voided: 0,
        refund_pending: 0,
        refunded: 0,
        waiting_void: None,
        provider_reference: None,
        action_url: None,
        failure: None,
        return_url: input.return_url.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

async fn connection(
    app: &Payments,
    context: &RequestContext,
    selector: ConnectionSelector,
) -> Result<Arc<OpenConnection>, Fault> {
    match app.connections.get_cached(context.tenant, selector).await {
        Some(connection) => Ok(connection),
        None => app.connections.get(&mut *app.db.read(context.tenant).await?, context.tenant, selector).await,
    }
}

async fn replay(app: &Payments, context: &RequestContext, requested: &Operation) -> Result<Option<OperationResult>, Fault> {
    let mut read = app.db.read(context.tenant).await?;
    let Some(known) = operation_get(&mut read, requested.id).await? else { return Ok(None) };
    if known.fingerprint != requested.fingerprint {
        return Err(idempotency::reused());
    }
    let payment =
        payment_get(&mut read, known.payment_id).await?.ok_or_else(|| Fault::internal("an operation without its payment"))?;
    Ok(Some(OperationResult { payment, operation: known, replayed: true }))
}
