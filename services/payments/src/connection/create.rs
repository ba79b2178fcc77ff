//! `POST /v1/payments/connections`: connects a tenant with a payment provider.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_web::{Body, Caller, Created};
use serde::Deserialize;

use super::model::{PaymentConnection, PaymentConnectionCreate};
use super::registration::{register, register_stored};
use super::secrets::{Secrets, seal_secrets};
use super::store::{connection_clear_default, connection_insert};
use crate::access::require_secret_key;
use crate::provider::ProviderKind;
use crate::{Payments, PaymentsWrite};

/// The provider is given the secrets before they are stored: a connection that is stored works.
pub(super) async fn create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Body(input): Body<PaymentConnectionCreate>,
) -> Result<Created<PaymentConnection>, Fault> {
    require_secret_key(&caller)?;
    input.check()?;
    let id: ConnectionId = app.context.id(caller.tenant);
    let operation = caller.operation("payment_connection_create", &input);
    let secrets = new_secrets(&app, &input);
    let mut registered = false;
    let reply: Created<PaymentConnection> = app
        .db
        .idempotent_after(
            operation,
            async || {
                let Some(secrets) = &secrets else { return Ok(None) };
                registered = true;
                register(&app, id, secrets).await.map(Some)
            },
            async |tx, webhook_url| insert(&app, tx, id, input, webhook_url, secrets.as_ref()).await,
        )
        .await?;
    // The same request was stored in the meantime: the provider must have its secrets.
    if registered && let Some(stored) = reply.replayed_as::<Stored>().transpose()? {
        register_stored(&app, &caller, stored.id).await;
    }
    Ok(reply)
}

/// The part of a replayed reply that names the connection.
#[derive(Deserialize)]
struct Stored {
    id: ConnectionId,
}

fn new_secrets(app: &Payments, input: &PaymentConnectionCreate) -> Option<Secrets> {
    let given = |secret: &Option<_>| secret.as_ref().map(ToString::to_string);
    match input.provider {
        ProviderKind::Manual => None,
        ProviderKind::Sandbox => Some(Secrets {
            credentials: given(&input.credentials).unwrap_or_else(|| format!("sbx_{}", app.context.token())),
            webhook_secret: given(&input.webhook_secret).unwrap_or_else(|| app.context.token()).into_bytes(),
        }),
    }
}

async fn insert(
    app: &Payments,
    tx: &mut TenantTx,
    id: ConnectionId,
    input: PaymentConnectionCreate,
    webhook_url: Option<String>,
    secrets: Option<&Secrets>,
) -> Result<PaymentConnection, Fault> {
    let now = tx.now();
    let mut connection = PaymentConnection {
        id,
        provider: input.provider,
        name: input.name.map_or_else(|| input.provider.as_str().to_owned(), String::from),
        webhook_url,
        is_default: input.is_default,
        active: true,
        version: 1,
        created_at: now,
        updated_at: now,
        credentials: None,
        webhook_secret: None,
    };
    if let Some(secrets) = secrets {
        seal_secrets(&app.context, tx, &mut connection, secrets).await?;
    }
    if connection.is_default
        && let Some(former) = connection_clear_default(tx, id, now).await?
    {
        tx.publish(&former);
    }
    connection_insert(tx, &connection).await?;
    tx.publish(&connection);
    app.connection_changed(tx);
    Ok(connection)
}
