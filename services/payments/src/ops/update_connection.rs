//! Renames, rotates, opens, closes or promotes a connection.

use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_kernel::ConnectionId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::create_connection::{Secrets, check_secrets, conflict, register, register_stored, seal_into};
use crate::connections::Choice;
use crate::domain::ProviderKind;
use crate::error::check_text;
use crate::store::connection::{ConnectionRow, connection_default_take, connection_get, connection_lock, connection_update};
use crate::{Payments, events, shape};

/// Fields of a connection to be changed; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionUpdate {
    /// What it is called.
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// The key that the provider knows you by.
    #[schemars(length(min = 24, max = 255))]
    pub credentials: Option<String>,
    /// The secret that the provider signs its notices with.
    #[schemars(length(min = 24, max = 255))]
    pub webhook_secret: Option<String>,
    /// Use it when a payment names no provider. Another one takes the flag over; it is not simply given up.
    pub is_default: Option<bool>,
    /// Open for new payments.
    pub active: Option<bool>,
}

/// What an idempotency key belongs to.
const OP: &str = "payment_connection_update";

/// Changes a connection that the writer has seen.
pub(crate) async fn update(
    app: &Payments,
    call: &RequestContext,
    id: ConnectionId,
    seen: IfMatch,
    input: ConnectionUpdate,
) -> Result<Reply<shape::Connection>, Fault> {
    check(&input)?;
    if input.credentials.is_none() && input.webhook_secret.is_none() {
        return change(app, call, id, seen, input).await;
    }
    // The provider is told before the secrets are stored, and not of those that will not be.
    match app.db.begin(call, OP, &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(mut tx) => {
            let row = connection_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
            seen.check(row.version)?;
            // Ended here: until then it holds the lock that the real beginning tries.
            tx.rollback().await?;
        }
    }
    rotate(app, call, id, &input).await?;
    let changed = change(app, call, id, seen, input).await;
    if !changed.as_ref().is_ok_and(|reply| reply.body().is_some()) {
        register_stored(app, call, id).await;
    }
    changed
}

async fn change(
    app: &Payments,
    call: &RequestContext,
    id: ConnectionId,
    seen: IfMatch,
    input: ConnectionUpdate,
) -> Result<Reply<shape::Connection>, Fault> {
    let mut tx = match app.db.begin(call, OP, &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let now = app.host.now(call.tenant);
    let mut row = connection_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
    seen.check(row.version)?;
    let secrets = secrets(app, call, &mut tx, &row, &input).await?;
    row.name = input.name.unwrap_or(row.name);
    row.active = input.active.unwrap_or(row.active);
    row.is_default = input.is_default.unwrap_or(row.is_default);
    row.version += 1;
    row.updated_at = now;
    if row.is_default && !row.active {
        return Err(Fault::new(
            Code::Conflict,
            "default_connection_closed",
            "The default connection has to be active; make another one the default first.",
        ));
    }
    if let Some(secrets) = secrets {
        seal_into(app, &mut tx, &mut row, &secrets).await?;
    }
    let notices_url = &app.notices_url;
    let former = if row.is_default { connection_default_take(&mut tx, id, now).await? } else { None };
    let former = former.map(|row| shape::Connection::of(&row, notices_url));
    connection_update(&mut tx, &row).await.map_err(conflict)?;
    let changed = shape::Connection::of(&row, notices_url);
    let all: Vec<_> = former.iter().chain([&changed]).collect();
    events::connections_changed(&mut tx, &app.host, call, &all).await?;
    let reply = tx.finish(Reply::ok(changed).etag(row.version)).await?;
    app.connections.forget();
    Ok(reply)
}

/// Tells the provider about new secrets.
async fn rotate(app: &Payments, call: &RequestContext, id: ConnectionId, input: &ConnectionUpdate) -> Result<(), Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let row = connection_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
    let Some(secrets) = secrets(app, call, &mut conn, &row, input).await? else { return Ok(()) };
    drop(conn);
    register(app, id, &secrets).await
}

/// The secrets as they will be; nothing when none of them changes.
async fn secrets(
    app: &Payments,
    call: &RequestContext,
    conn: &mut sqlx::PgConnection,
    row: &ConnectionRow,
    input: &ConnectionUpdate,
) -> Result<Option<Secrets>, Fault> {
    if input.credentials.is_none() && input.webhook_secret.is_none() {
        return Ok(None);
    }
    if row.provider == ProviderKind::Manual {
        return Err(Fault::invalid("/credentials", "not_used", "A manual connection has no credentials and no webhook secret."));
    }
    let known = app.connections.get(conn, call.tenant, Choice::Of(row.id)).await?;
    Ok(Some(Secrets {
        credentials: input.credentials.clone().unwrap_or_else(|| known.credentials().to_owned()),
        webhook_secret: input
            .webhook_secret
            .as_ref()
            .map_or_else(|| known.webhook_secret().unwrap_or_default().to_vec(), |secret| secret.clone().into_bytes()),
    }))
}

fn check(input: &ConnectionUpdate) -> Result<(), Fault> {
    if let Some(name) = &input.name {
        check_text("/name", name, 255)?;
    }
    check_secrets(input.credentials.as_deref(), input.webhook_secret.as_deref())
}
