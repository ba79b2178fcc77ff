//! Asks the provider about an operation whose outcome is open. Nothing is done again before the provider has said that it
//! never saw it, and then only under the same id.

use bloom_fault::Fault;
use bloom_kernel::OperationId;
use bloom_runtime::RequestContext;

use super::move_money::request;
use super::settle_operation::{apply, is_asked_about, unreachable_provider};
use crate::connections::Choice;
use crate::domain::{News, Operation, OperationKind, Payment, schedule};
use crate::provider::Answer;
use crate::store::operation::operation_get;
use crate::store::payment::payment_get;
use crate::{Payments, timers};

/// Question number `attempt` (from 0); sets the time of the next one while the outcome stays open.
pub(crate) async fn resolve(app: &Payments, call: &RequestContext, id: OperationId, attempt: u32) -> Result<(), Fault> {
    let Some(news) = ask(app, call, id).await? else { return Ok(()) };
    let mut tx = app.db.write(call).await?;
    let applied = apply(app, call, &mut tx, id, news).await?;
    if is_asked_about(&applied.payment, &applied.operation) {
        let now = app.host.now(call.tenant);
        if !timers::resolve_at(&mut tx, id, attempt + 1, now).await? {
            tracing::error!(operation = %id, "no outcome after the last question; an operator has to look");
        }
    }
    tx.commit().await
}

/// What the provider says about an operation; nothing when its outcome is known already.
pub(crate) async fn ask(app: &Payments, call: &RequestContext, id: OperationId) -> Result<Option<News>, Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let Some(operation) = operation_get(&mut conn, id).await?.filter(|known| known.status.is_open()) else { return Ok(None) };
    let payment =
        payment_get(&mut conn, operation.payment_id).await?.ok_or_else(|| Fault::internal("an operation without its payment"))?;
    if payment.waiting_void == Some(id) {
        return Ok(None);
    }
    let connection = app.connections.get(&mut conn, call.tenant, Choice::Of(payment.connection_id)).await?;
    drop(conn);
    app.providers.admit(connection.id)?;
    let mut answer = app.providers.ask(&connection, operation.kind, id).await;
    if answer == Answer::Missing && operation.kind != OperationKind::Authorise {
        answer = app.providers.send(&connection, request(&payment, &operation)).await;
    }
    Ok(Some(news(app, call, &payment, &operation, answer)))
}

fn news(app: &Payments, call: &RequestContext, payment: &Payment, operation: &Operation, answer: Answer) -> News {
    match answer {
        Answer::Report(report) => News::Report(report),
        Answer::Refused(failure) => News::Lost(failure),
        // The payer's token is kept nowhere, so an authorisation that got lost cannot be sent again.
        Answer::Missing if schedule::LOST_AFTER <= app.host.now(call.tenant) - payment.created_at => {
            tracing::warn!(operation = %operation.id, "the authorisation never reached the provider");
            News::Lost(unreachable_provider())
        }
        Answer::Missing | Answer::NotSent(_) | Answer::Unknown(_) => News::Unknown,
    }
}
