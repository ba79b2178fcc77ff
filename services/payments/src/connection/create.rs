//! `POST /v1/payments/connections`: connects a tenant with a payment provider.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_runtime::http::{Caller, Json};
use bloom_runtime::{Begin, Reply};

use super::model::{Connection, ConnectionCreate, ConnectionDto};
use super::publish::publish_connections;
use super::registration::{register, register_stored};
use super::secrets::{Secrets, seal_secrets};
use super::store::{connection_clear_default, connection_conflict, connection_insert};
use crate::Payments;
use crate::access::{PaymentsWrite, require_secret_key};
use crate::provider::ProviderKind;

const OP: &str = "payment_connection_create";

/// The provider is given the secrets first: a connection that is stored works.
pub(crate) async fn create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Json(input): Json<ConnectionCreate>,
) -> Result<Reply<ConnectionDto, 201>, Fault> {
    require_secret_key(&caller)?;
    input.check()?;
    let id: ConnectionId = app.host.id(caller.tenant);
    let secrets = match input.provider {
        ProviderKind::Manual => None,
        ProviderKind::Sandbox => Some(Secrets {
            credentials: input.credentials.clone().unwrap_or_else(|| format!("sbx_{}", app.host.token())),
            webhook_secret: input.webhook_secret.clone().unwrap_or_else(|| app.host.token()).into_bytes(),
        }),
    };
    let mut registered_url = None;
    if let Some(secrets) = &secrets {
        // A retry must not register a connection that will not be stored.
        match app.db.begin(&caller, OP, &input).await? {
            Begin::Replay(reply) => return Ok(reply),
            // Ended here, because it holds the lock on the key that the second beginning takes.
            Begin::Run(tx) => tx.rollback().await?,
        }
        registered_url = Some(register(&app, id, secrets).await?);
    }
    let mut tx = match app.db.begin(&caller, OP, &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => {
            // The same request was stored in the meantime.
            if let Some(first) = reply.replayed_as::<ConnectionDto>().transpose()? {
                register_stored(&app, &caller, first.id).await;
            }
            return Ok(reply);
        }
    };
    let now = app.host.now(caller.tenant);
    let mut row = Connection {
        id,
        provider: input.provider,
        name: input.name.unwrap_or_else(|| input.provider.as_str().to_owned()),
        credentials: None,
        webhook_secret: None,
        registered_url,
        is_default: input.is_default,
        active: true,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if let Some(secrets) = &secrets {
        seal_secrets(&app.host, &mut tx, &mut row, secrets).await?;
    }
    let former = if row.is_default { connection_clear_default(&mut tx, id, now).await? } else { None };
    let former = former.map(|row| ConnectionDto::new(&row, &app.notices_url));
    connection_insert(&mut tx, caller.tenant, &row).await.map_err(connection_conflict)?;
    let created = ConnectionDto::new(&row, &app.notices_url);
    let changed: Vec<_> = former.iter().chain([&created]).collect();
    publish_connections(&mut tx, &app.host, &caller, &changed).await?;
    let reply = tx.finish(Reply::created(created).etag(1)).await?;
    app.connections.invalidate();
    Ok(reply)
}
