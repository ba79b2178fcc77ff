//! `POST /v1/identity/api-keys`: creates a key for the caller's environment, or for a sandbox of the live one. The text of the
//! key is in this reply only.

use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, TenantId};
use bloom_proto_catalog::GetSellablesRequest;
use bloom_runtime::http::{Caller, Json};
use bloom_runtime::{Begin, Call, Reply};

use super::issue::issue;
use super::model::{ApiKeyCreate, ApiKeyCreated, NewKey};
use super::scopes::grant;
use super::store::environment_key_mode;
use crate::Identity;
use crate::permissions::IdentityWrite;

const OP: &str = "api_key_create";

pub(super) async fn create(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Json(input): Json<ApiKeyCreate>,
) -> Result<Reply<ApiKeyCreated, 201>, Fault> {
    let environment = input.environment_id.unwrap_or(caller.tenant);
    // Catalog is asked before the transaction begins: no transaction waits for another service.
    if let Some(channel) = input.channel_id
        && let Err(refusal) = check_channel(&app, &caller, environment, channel).await
    {
        // A repeat of a successful request gets its reply, even where catalog cannot be reached by now.
        return app.db.replay_or(&caller, OP, &input, refusal).await;
    }
    let mut tx = match app.db.begin(&caller, OP, &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let mode = environment_key_mode(&mut tx, environment).await?.ok_or_else(|| Fault::not_found("environment"))?;
    let new = NewKey {
        id: app.host.id(environment),
        environment_id: environment,
        kind: input.kind,
        mode,
        name: input.name,
        scopes: grant(input.kind, input.scopes, &caller.scopes)?,
        channel_id: input.channel_id,
        expires_at: input.expires_at,
    };
    tx.enter(environment).await?;
    let issued = issue(&app, &mut tx, &caller, new, None, app.host.now(environment)).await?;
    tx.enter(caller.tenant).await?;
    let (created, again) = issued.replies();
    tx.finish(Reply::created(created).replay_as(&again)?).await
}

/// Refuses a channel that the environment does not have; channels belong to catalog.
async fn check_channel(app: &Identity, call: &Call, environment: TenantId, channel: ChannelId) -> Result<(), Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    environment_key_mode(&mut conn, environment).await?.ok_or_else(|| Fault::not_found("environment"))?;
    drop(conn);
    let call = Call { tenant: environment, ..call.clone() };
    let message = GetSellablesRequest { channel_id: channel.to_string(), variant_ids: Vec::new() };
    match app.catalog.clone().get_sellables(app.host.request(&call, message)).await.map_err(Fault::from) {
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::NotFound => Err(Fault::not_found("channel")),
        Err(fault) => Err(fault),
    }
}
