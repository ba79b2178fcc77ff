//! `POST /v1/identity/api-keys`: creates a key for the caller's environment, or for a sandbox of the live one. The text of the
//! key is in this reply only.

use axum::extract::State;
use bloom_contract_catalog::GetSellablesRequest;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, TenantId};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Created};

use super::issue::issue;
use super::model::{ApiKeyCreate, ApiKeyCreated, NewKey};
use super::scopes::grant;
use super::store::environment_key_mode;
use crate::{Identity, IdentityWrite};

pub(super) async fn create(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Body(input): Body<ApiKeyCreate>,
) -> Result<Created<ApiKeyCreated>, Fault> {
    let environment = input.environment_id.unwrap_or(caller.tenant);
    let channel = input.channel_id;
    app.db
        .idempotent_after(
            caller.operation("api_key_create", &input),
            async || match channel {
                Some(channel) => check_channel(&app, &caller, environment, channel).await,
                None => Ok(()),
            },
            async |tx, ()| {
                let mode = environment_key_mode(tx, environment).await?.ok_or_else(|| Fault::not_found("environment"))?;
                tx.enter(environment).await?;
                let new = NewKey {
                    id: tx.new_id(),
                    environment_id: environment,
                    kind: input.kind,
                    mode,
                    name: input.name,
                    scopes: grant(input.kind, input.scopes.as_deref(), &caller.scopes)?,
                    channel_id: channel,
                    expires_at: input.expires_at.map(Into::into),
                };
                let issued = issue(&app, tx, new, None, tx.now()).await?;
                // The reply is stored for the caller's idempotency key, in the caller's environment.
                tx.enter(caller.tenant).await?;
                issued.into_reply()
            },
        )
        .await
}

/// Refuses a channel that the environment does not have; channels belong to catalog.
async fn check_channel(app: &Identity, caller: &RequestContext, environment: TenantId, channel: ChannelId) -> Result<(), Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    environment_key_mode(&mut conn, environment).await?.ok_or_else(|| Fault::not_found("environment"))?;
    drop(conn);
    let context = RequestContext { tenant: environment, ..caller.clone() };
    let message = GetSellablesRequest { channel_id: channel.to_string(), variant_ids: Vec::new() };
    match app.catalog.clone().get_sellables(app.context.request(&context, message)).await.map_err(Fault::from) {
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::NotFound => Err(Fault::not_found("channel")),
        Err(fault) => Err(fault),
    }
}
