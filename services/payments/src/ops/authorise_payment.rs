//! Opens the payment of a checkout and has it authorised.

use std::sync::Arc;

use bloom_db::idempotency;
use bloom_fault::{Fault, constraint};
use bloom_kernel::{CheckoutId, Money, OperationId, PaymentId};
use bloom_runtime::RequestContext;

use super::settle_operation::carry_out;
use crate::Payments;
use crate::connections::{Choice, Connection};
use crate::domain::return_url::check_return_url;
use crate::domain::{Operation, OperationKind, OperationStatus, Payment, PaymentStatus, ProviderKind};
use crate::error::{check_text, payment_exists, payment_voided, token_missing};
use crate::provider::Request;
use crate::store::operation::operation_get;
use crate::store::payment::{payment_get, payment_open};
use crate::{events, shape, timers};

/// What is to be authorised.
#[derive(Debug)]
pub(crate) struct Authorise {
    pub(crate) operation: OperationId,
    pub(crate) payment: PaymentId,
    pub(crate) checkout: CheckoutId,
    pub(crate) amount: Money,
    pub(crate) provider: Option<ProviderKind>,
    pub(crate) token: String,
    pub(crate) return_url: Option<String>,
}

/// The payment and its authorisation as they stand afterwards; asked again under the same id, as they stand now.
pub(crate) async fn authorise(app: &Payments, call: &RequestContext, ask: Authorise) -> Result<(Payment, Operation), Fault> {
    check(&ask)?;
    let choice = ask.provider.map_or(Choice::Default, Choice::By);
    let now = app.host.now(call.tenant);
    let operation = Operation {
        id: ask.operation,
        payment_id: ask.payment,
        kind: OperationKind::Authorise,
        amount: ask.amount.amount(),
        status: OperationStatus::Init,
        fingerprint: fingerprint(&ask),
        reverses: None,
        provider_reference: None,
        provider_sequence: 0,
        failure: None,
        actor: call.actor.clone(),
        created_at: now,
        updated_at: now,
    };
    // A repeat must be answered even where the connection it used is no longer the one to choose.
    let connection = match connection(app, call, choice).await {
        Ok(connection) => connection,
        Err(missing) => return replay(app, call, &operation).await?.ok_or(missing),
    };
    if let Err(silent) = app.providers.admit(connection.id) {
        return replay(app, call, &operation).await?.ok_or(silent);
    }
    if connection.provider == ProviderKind::Sandbox && ask.token.trim().is_empty() {
        return replay(app, call, &operation).await?.ok_or_else(token_missing);
    }
    let payment = open(&ask, connection.id, connection.provider, now);
    let mut write = app.db.write_once(call);
    events::payment_opened(&mut write, &app.host, call, &payment).await?;
    timers::resolve_at(&mut write, operation.id, 0, now).await?;
    let opened = payment_open(write, &payment, &operation).await.map_err(|error| match constraint(&error) {
        Some("operation_pkey") => idempotency::reused(),
        Some("operation_authorise_key") => payment_voided(),
        _ => error.into(),
    })?;
    if !opened {
        return replay(app, call, &operation).await?.ok_or_else(payment_exists);
    }

    let return_url = shape::return_url(&app.public_url, payment.id, connection.id);
    let request = Request {
        operation: operation.id,
        kind: operation.kind,
        amount: operation.amount,
        currency: payment.currency,
        token: Some(&ask.token),
        authorisation: None,
        return_url: Some(&return_url),
    };
    carry_out(app, call, &connection, request, (payment, operation)).await
}

fn check(ask: &Authorise) -> Result<(), Fault> {
    if ask.amount.amount() <= 0 {
        return Err(Fault::invalid("/amount", "not_positive", "An amount of money to authorise is above 0."));
    }
    if !ask.token.is_empty() {
        check_text("/token", &ask.token, 255)?;
    }
    if let Some(url) = &ask.return_url {
        check_text("/return_url", url, 2048)?;
        check_return_url(url).map_err(|(code, message)| Fault::invalid("/return_url", code, message))?;
    }
    Ok(())
}

/// The token is the payer's and is kept nowhere: not even its digest tells two requests apart.
fn fingerprint(ask: &Authorise) -> Vec<u8> {
    bloom_runtime::request_context::fingerprint("payment_authorise", &(ask.payment, ask.checkout, ask.amount, ask.provider))
}

fn open(
    ask: &Authorise,
    connection_id: bloom_kernel::ConnectionId,
    provider: ProviderKind,
    now: bloom_kernel::Timestamp,
) -> Payment {
    Payment {
        id: ask.payment,
        checkout_id: ask.checkout,
        connection_id,
        provider,
        currency: ask.amount.currency(),
        amount: ask.amount.amount(),
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
        return_url: ask.return_url.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

async fn connection(app: &Payments, call: &RequestContext, choice: Choice) -> Result<Arc<Connection>, Fault> {
    match app.connections.known(call.tenant, choice).await {
        Some(connection) => Ok(connection),
        None => app.connections.get(&mut *app.db.read(call.tenant).await?, call.tenant, choice).await,
    }
}

async fn replay(app: &Payments, call: &RequestContext, asked: &Operation) -> Result<Option<(Payment, Operation)>, Fault> {
    let mut read = app.db.read(call.tenant).await?;
    let Some(known) = operation_get(&mut read, asked.id).await? else { return Ok(None) };
    if known.fingerprint != asked.fingerprint {
        return Err(idempotency::reused());
    }
    let payment =
        payment_get(&mut read, known.payment_id).await?.ok_or_else(|| Fault::internal("an operation without its payment"))?;
    Ok(Some((payment, known)))
}
