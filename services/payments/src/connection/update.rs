//! `PATCH /v1/payments/connections/{connection_id}`: renames a connection, rotates its secrets, closes it or makes it the
//! default.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, TenantId};
use bloom_web::{Body, Caller, IfMatch, Path, Reply};
use sqlx::PgConnection;

use super::cache::ConnectionSelector;
use super::model::{PaymentConnection, PaymentConnectionUpdate, secrets_excluded};
use super::registration::{register, register_stored};
use super::secrets::{Secrets, seal_secrets};
use super::store::{connection_clear_default, connection_get, connection_lock, connection_update};
use crate::access::require_secret_key;
use crate::provider::ProviderKind;
use crate::{Payments, PaymentsWrite};

/// The provider is given new secrets before they are stored, and not those that the current version refuses.
pub(super) async fn update(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<ConnectionId>,
    if_match: IfMatch,
    Body(input): Body<PaymentConnectionUpdate>,
) -> Result<Reply<PaymentConnection>, Fault> {
    require_secret_key(&caller)?;
    if_match.required()?;
    input.check()?;
    let operation = caller.operation("payment_connection_update", &(id, &input));
    let mut registered = false;
    let reply: Result<Reply<PaymentConnection>, Fault> = app
        .db
        .idempotent_after(
            operation,
            async || {
                if !input.changes_secrets() {
                    return Ok(None);
                }
                let mut conn = app.db.read(caller.tenant).await?;
                let connection = connection_get(&mut conn, id).await?.ok_or_else(not_found)?;
                if_match.check(connection.version)?;
                let secrets = new_secrets(&app, caller.tenant, &mut conn, &connection, &input).await?;
                drop(conn);
                registered = true;
                register(&app, id, &secrets).await.map(Some)
            },
            async |tx, webhook_url| change(&app, tx, id, if_match, input.clone(), webhook_url).await,
        )
        .await;
    if registered && !reply.as_ref().is_ok_and(|reply| reply.body().is_some()) {
        register_stored(&app, &caller, id).await;
    }
    reply
}

async fn change(
    app: &Payments,
    tx: &mut TenantTx,
    id: ConnectionId,
    if_match: IfMatch,
    input: PaymentConnectionUpdate,
    webhook_url: Option<String>,
) -> Result<PaymentConnection, Fault> {
    let (tenant, now) = (tx.tenant(), tx.now());
    let mut connection = connection_lock(tx, id).await?.ok_or_else(not_found)?;
    if_match.check(connection.version)?;
    if input.changes_secrets() {
        let secrets = new_secrets(app, tenant, tx, &connection, &input).await?;
        seal_secrets(&app.context, tx, &mut connection, &secrets).await?;
        connection.webhook_url = webhook_url;
    }
    connection.update(now, input)?;
    if connection.is_default
        && let Some(former) = connection_clear_default(tx, id, now).await?
    {
        tx.publish(&former);
    }
    connection_update(tx, &connection).await?;
    tx.publish(&connection);
    app.connection_changed(tx);
    Ok(connection)
}

/// The secrets after an update that changes one of them.
async fn new_secrets(
    app: &Payments,
    tenant: TenantId,
    conn: &mut PgConnection,
    connection: &PaymentConnection,
    input: &PaymentConnectionUpdate,
) -> Result<Secrets, Fault> {
    if connection.provider == ProviderKind::Manual {
        return Err(secrets_excluded());
    }
    let current = app.connections.get(conn, tenant, ConnectionSelector::Id(connection.id)).await?;
    let given = |secret: &Option<_>| secret.as_ref().map(ToString::to_string);
    Ok(Secrets {
        credentials: given(&input.credentials).unwrap_or_else(|| current.account().credentials.to_owned()),
        webhook_secret: match given(&input.webhook_secret) {
            Some(secret) => secret.into_bytes(),
            None => current.webhook_secret().unwrap_or_default().to_vec(),
        },
    })
}

fn not_found() -> Fault {
    Fault::not_found("connection")
}
