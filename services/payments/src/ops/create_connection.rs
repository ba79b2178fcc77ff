//! Connects a tenant with a payment provider.

use bloom_db::{Begin, TenantTx, seal};
use bloom_fault::{Code, Fault, constraint};
use bloom_kernel::ConnectionId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::connections::{CREDENTIALS, Choice, WEBHOOK_SECRET, subject};
use crate::domain::ProviderKind;
use crate::error::check_text;
use crate::store::connection::{ConnectionRow, connection_default_take, connection_insert};
use crate::{Payments, events, shape};

/// A connection to be made.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionCreate {
    /// The provider.
    pub provider: ProviderKind,
    /// What it is called; the provider's name when absent.
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// The key that the provider knows you by. The sandbox opens an account for a new key when there is none.
    #[schemars(length(min = 24, max = 255))]
    pub credentials: Option<String>,
    /// The secret that the provider signs its notices with; made when absent.
    #[schemars(length(min = 24, max = 255))]
    pub webhook_secret: Option<String>,
    /// Use it when a payment names no provider.
    #[serde(default)]
    pub is_default: bool,
}

/// What a connection keeps secret.
pub(super) struct Secrets {
    pub(super) credentials: String,
    pub(super) webhook_secret: Vec<u8>,
}

/// What an idempotency key belongs to.
const OP: &str = "payment_connection_create";

/// Makes it known to the provider first: a connection that is stored works.
pub(crate) async fn create(
    app: &Payments,
    call: &RequestContext,
    input: ConnectionCreate,
) -> Result<Reply<shape::Connection, 201>, Fault> {
    check(&input)?;
    let id: ConnectionId = app.host.id(call.tenant);
    let secrets = match input.provider {
        ProviderKind::Manual => None,
        ProviderKind::Sandbox => Some(Secrets {
            credentials: input.credentials.clone().unwrap_or_else(|| format!("sbx_{}", app.host.token())),
            webhook_secret: input.webhook_secret.clone().unwrap_or_else(|| app.host.token()).into_bytes(),
        }),
    };
    if let Some(secrets) = &secrets {
        // A repeat must not tell the provider of a connection that will not be stored.
        match app.db.begin(call, OP, &input).await? {
            Begin::Replay(reply) => return Ok(reply),
            // Ended here: until then it holds the lock that the real beginning tries.
            Begin::Run(tx) => tx.rollback().await?,
        }
        register(app, id, secrets).await?;
    }
    let mut tx = match app.db.begin::<Reply<shape::Connection, 201>>(call, OP, &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => {
            // The same request came first meanwhile.
            if let Some(first) = reply.replayed_as::<shape::Connection>().transpose()? {
                register_stored(app, call, first.id).await;
            }
            return Ok(reply);
        }
    };
    let now = app.host.now(call.tenant);
    let mut row = ConnectionRow {
        id,
        provider: input.provider,
        name: input.name.unwrap_or_else(|| input.provider.as_str().to_owned()),
        credentials: None,
        webhook_secret: None,
        is_default: input.is_default,
        active: true,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if let Some(secrets) = &secrets {
        seal_into(app, &mut tx, &mut row, secrets).await?;
    }
    let notices_url = &app.notices_url;
    let made = shape::Connection::of(&row, notices_url);
    let former = if row.is_default { connection_default_take(&mut tx, id, now).await? } else { None };
    let former = former.map(|row| shape::Connection::of(&row, notices_url));
    connection_insert(&mut tx, call.tenant, &row).await.map_err(conflict)?;
    let changed: Vec<_> = former.iter().chain([&made]).collect();
    events::connections_changed(&mut tx, &app.host, call, &changed).await?;
    let reply = tx.finish(Reply::created(made).etag(1)).await?;
    app.connections.forget();
    Ok(reply)
}

/// Seals the secrets into the row.
pub(super) async fn seal_into(
    app: &Payments,
    tx: &mut TenantTx,
    row: &mut ConnectionRow,
    secrets: &Secrets,
) -> Result<(), Fault> {
    let subject = subject(row.id);
    row.credentials = Some(seal::seal(tx, &app.host, subject, CREDENTIALS, secrets.credentials.as_bytes()).await?);
    row.webhook_secret = Some(seal::seal(tx, &app.host, subject, WEBHOOK_SECRET, &secrets.webhook_secret).await?);
    Ok(())
}

/// Tells the provider where notices of the connection go.
pub(super) async fn register(app: &Payments, id: ConnectionId, secrets: &Secrets) -> Result<(), Fault> {
    let url = shape::webhook_url(&app.notices_url, id);
    app.providers.register(&secrets.credentials, &url, &secrets.webhook_secret).await
}

/// Tells the provider what is stored, after it was told what was not stored then.
pub(super) async fn register_stored(app: &Payments, call: &RequestContext, id: ConnectionId) {
    let told = async {
        app.connections.forget();
        let stored = app.connections.get(&mut *app.db.read(call.tenant).await?, call.tenant, Choice::Of(id)).await?;
        let Some(webhook_secret) = stored.webhook_secret().map(<[u8]>::to_vec) else { return Ok(()) };
        register(app, id, &Secrets { credentials: stored.credentials().to_owned(), webhook_secret }).await
    };
    if let Err(fault) = told.await {
        tracing::error!(connection = %id, cause = fault.chain(), "the provider knows another webhook secret than is stored");
    }
}

/// Two requests made a default at once.
pub(super) fn conflict(error: sqlx::Error) -> Fault {
    if constraint(&error) == Some("connection_default_key") {
        return Fault::new(Code::Conflict, "busy", "Another request changes the default connection; try again.").retry_after(1);
    }
    error.into()
}

fn check(input: &ConnectionCreate) -> Result<(), Fault> {
    if let Some(name) = &input.name {
        check_text("/name", name, 255)?;
    }
    check_secrets(input.credentials.as_deref(), input.webhook_secret.as_deref())?;
    if input.provider == ProviderKind::Manual && (input.credentials.is_some() || input.webhook_secret.is_some()) {
        return Err(Fault::invalid("/credentials", "not_used", "A manual connection has no credentials and no webhook secret."));
    }
    Ok(())
}

/// Checks secrets as they come in.
pub(super) fn check_secrets(credentials: Option<&str>, webhook_secret: Option<&str>) -> Result<(), Fault> {
    for (pointer, secret) in [("/credentials", credentials), ("/webhook_secret", webhook_secret)] {
        let Some(secret) = secret else { continue };
        check_text(pointer, secret, 255)?;
        if secret.len() < 24 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::invalid(pointer, "shape", "24 to 255 visible ASCII characters."));
        }
    }
    Ok(())
}
