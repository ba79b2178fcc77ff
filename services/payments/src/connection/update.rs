//! `PATCH /v1/payments/connections/{connection_id}`: renames a connection, rotates its secrets, closes it or makes it the
//! default.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_runtime::http::{Caller, IfMatch, Json, Path};
use bloom_runtime::{Begin, Call, Reply};
use sqlx::PgConnection;

use super::cache::ConnectionSelector;
use super::model::{Connection, ConnectionDto, ConnectionUpdate, secrets_not_used};
use super::publish::publish_connections;
use super::registration::{register, register_stored};
use super::secrets::{Secrets, seal_secrets};
use super::store::{connection_clear_default, connection_conflict, connection_get, connection_lock, connection_update};
use crate::Payments;
use crate::access::{PaymentsWrite, require_secret_key};
use crate::provider::ProviderKind;

const OP: &str = "payment_connection_update";

pub(crate) async fn update(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<ConnectionId>,
    if_match: IfMatch,
    Json(input): Json<ConnectionUpdate>,
) -> Result<Reply<ConnectionDto>, Fault> {
    require_secret_key(&caller)?;
    if_match.required()?;
    input.check()?;
    if !input.changes_secrets() {
        return change(&app, &caller, id, if_match, input).await;
    }
    // The provider is given new secrets before they are stored, and not those that will be refused.
    match app.db.begin(&caller, OP, &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(mut tx) => {
            let row = connection_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
            if_match.check(row.version)?;
            // Ended here, because it holds the lock on the key that the second beginning takes.
            tx.rollback().await?;
        }
    }
    register_new_secrets(&app, &caller, id, &input).await?;
    let changed = change(&app, &caller, id, if_match, input).await;
    if !changed.as_ref().is_ok_and(|reply| reply.body().is_some()) {
        register_stored(&app, &caller, id).await;
    }
    changed
}

async fn change(
    app: &Payments,
    call: &Call,
    id: ConnectionId,
    if_match: IfMatch,
    input: ConnectionUpdate,
) -> Result<Reply<ConnectionDto>, Fault> {
    let mut tx = match app.db.begin(call, OP, &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let now = app.host.now(call.tenant);
    let mut row = connection_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
    if_match.check(row.version)?;
    let secrets = new_secrets(app, call, &mut tx, &row, &input).await?;
    row.update(input, now)?;
    if let Some(secrets) = secrets {
        seal_secrets(&app.host, &mut tx, &mut row, &secrets).await?;
    }
    let former = if row.is_default { connection_clear_default(&mut tx, id, now).await? } else { None };
    let former = former.map(|row| ConnectionDto::new(&row, &app.notices_url));
    connection_update(&mut tx, &row).await.map_err(connection_conflict)?;
    let changed = ConnectionDto::new(&row, &app.notices_url);
    let all: Vec<_> = former.iter().chain([&changed]).collect();
    publish_connections(&mut tx, &app.host, call, &all).await?;
    let reply = tx.finish(Reply::ok(changed).etag(row.version)).await?;
    app.connections.invalidate();
    Ok(reply)
}

/// Gives the provider the secrets that are about to be stored.
async fn register_new_secrets(app: &Payments, call: &Call, id: ConnectionId, input: &ConnectionUpdate) -> Result<(), Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let row = connection_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
    let secrets = new_secrets(app, call, &mut conn, &row, input).await?;
    drop(conn);
    match secrets {
        Some(secrets) => register(app, id, &secrets).await.map(drop),
        None => Ok(()),
    }
}

/// The secrets after the update; none when it changes none of them.
async fn new_secrets(
    app: &Payments,
    call: &Call,
    conn: &mut PgConnection,
    row: &Connection,
    input: &ConnectionUpdate,
) -> Result<Option<Secrets>, Fault> {
    if !input.changes_secrets() {
        return Ok(None);
    }
    if row.provider == ProviderKind::Manual {
        return Err(secrets_not_used());
    }
    let current = app.connections.get(conn, call.tenant, ConnectionSelector::Id(row.id)).await?;
    let given = input.webhook_secret.as_ref().map(|secret| secret.clone().into_bytes());
    Ok(Some(Secrets {
        credentials: input.credentials.clone().unwrap_or_else(|| current.account().credentials.to_owned()),
        webhook_secret: given.unwrap_or_else(|| current.webhook_secret().unwrap_or_default().to_vec()),
    }))
}
