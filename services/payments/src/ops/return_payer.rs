//! The payer's browser comes back from the provider. What it claims means nothing: the provider is asked.

use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, PaymentId};
use bloom_runtime::RequestContext;

use super::receive_notice::tenant_of;
use super::resolve_operation::ask;
use super::settle_operation::settle;
use crate::domain::Payment;
use crate::store::operation::operation_authorise;
use crate::store::payment::payment_get;
use crate::{NAME, Payments};

/// The payment as it stands once the provider was asked, or as it stood when it could not be.
pub(crate) async fn return_payer(app: &Payments, payment: PaymentId, connection: ConnectionId) -> Result<Payment, Fault> {
    let tenant = tenant_of(app, connection).await.map_err(|_| Fault::not_found("payment"))?;
    let call = RequestContext::background(NAME, tenant, &format!("provider:{connection}"));
    let mut conn = app.db.read(tenant).await?;
    let known = payment_get(&mut conn, payment)
        .await?
        .filter(|payment| payment.connection_id == connection)
        .ok_or_else(|| Fault::not_found("payment"))?;
    if !known.status.is_open() {
        return Ok(known);
    }
    let Some(authorise) = operation_authorise(&mut conn, payment).await? else { return Ok(known) };
    drop(conn);
    match ask(app, &call, authorise.id).await {
        Ok(Some(news)) => Ok(settle(app, &call, authorise.id, news).await?.payment),
        // Known meanwhile, or the provider is silent: the schedule goes on asking.
        Ok(None) | Err(_) => Ok(payment_get(&mut *app.db.read(tenant).await?, payment).await?.unwrap_or(known)),
    }
}
