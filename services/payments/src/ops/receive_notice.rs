//! A provider's notice: believed only with its signature, acted on once, harmless in any order.

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ConnectionId, OperationId, TenantId};
use bloom_runtime::RequestContext;

use super::settle_operation::apply;
use crate::connections::Choice;
use crate::domain::signature::{Forgery, Signed, verify};
use crate::domain::{News, Operation};
use crate::provider::{Notice, notice};
use crate::store::connection::connection_tenant;
use crate::store::operation::operation_get;
use crate::store::payment::payment_get;
use crate::store::provider_event::{provider_event_insert, provider_event_refuse};
use crate::{NAME, Payments};

/// Takes a notice in. Done is also what was done before.
pub(crate) async fn receive(app: &Payments, connection: ConnectionId, signed: Signed<'_>, body: &[u8]) -> Result<(), Fault> {
    let tenant = tenant_of(app, connection).await?;
    believe(app, tenant, connection, signed, body).await?;
    let Notice { id, operation, report } = notice(body)
        .map_err(|error| Fault::new(Code::Invalid, "webhook_malformed", "The notice cannot be read.").source(error))?;
    if id != signed.id {
        return Err(Fault::new(Code::Invalid, "webhook_malformed", "The notice and its header name different ids."));
    }
    let call = RequestContext::background(NAME, tenant, &format!("provider:{connection}"));
    let mut tx = app.db.write(&call).await?;
    if !provider_event_insert(&mut tx, tenant, connection, &id, operation, app.host.now(tenant)).await? {
        return Ok(());
    }
    let known = match operation {
        Some(operation) => operation_of(&mut tx, operation, connection).await?,
        None => None,
    };
    let refusal = match known {
        Some(known) => {
            apply(app, &call, &mut tx, known.id, News::Report(report)).await?.refusal.map(|refusal| refusal.to_string())
        }
        None => Some("no operation of this connection".to_owned()),
    };
    if let Some(refusal) = refusal {
        provider_event_refuse(&mut tx, connection, &id, &refusal).await?;
    }
    tx.commit().await
}

/// The operation, when its payment goes by this connection: whoever holds one connection's secret moves no money of another.
async fn operation_of(tx: &mut TenantTx, id: OperationId, connection: ConnectionId) -> Result<Option<Operation>, Fault> {
    let Some(known) = operation_get(tx, id).await? else { return Ok(None) };
    let payment = payment_get(tx, known.payment_id).await?;
    Ok(payment.filter(|payment| payment.connection_id == connection).map(|_| known))
}

/// Whose connection it is. A provider that calls back knows no tenant.
pub(super) async fn tenant_of(app: &Payments, connection: ConnectionId) -> Result<TenantId, Fault> {
    let mut system = app.db.system().await?;
    connection_tenant(&mut system, connection).await?.ok_or_else(|| Fault::not_found("connection"))
}

async fn believe(
    app: &Payments,
    tenant: TenantId,
    connection: ConnectionId,
    signed: Signed<'_>,
    body: &[u8],
) -> Result<(), Fault> {
    let mut conn = app.db.read(tenant).await?;
    let connection = app.connections.get(&mut conn, tenant, Choice::Of(connection)).await?;
    drop(conn);
    let secret = connection.webhook_secret().ok_or_else(|| Fault::not_found("connection"))?;
    verify(secret, signed, body, app.host.platform_now().timestamp()).map_err(|forgery| match forgery {
        Forgery::Signature => Fault::new(
            Code::Unauthenticated,
            "webhook_signature_invalid",
            "The notice is not signed with this connection's webhook secret.",
        ),
        Forgery::Stale => Fault::new(
            Code::Invalid,
            "webhook_timestamp_stale",
            "The notice was signed more than 5 minutes ago, or in the future.",
        ),
    })
}
