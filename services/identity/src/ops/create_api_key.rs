//! A key is made for an environment. Its text leaves once, in this reply.

use bloom_contract_catalog::GetSellablesRequest;
use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, TenantId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::domain::api_key::{ApiKeyCreate, ApiKeyCreated, NewKey};
use crate::domain::scopes;
use crate::ops::issue_key::issue_key;
use crate::{Identity, store};

/// Makes a key for the caller's environment, or for a sandbox of the live one.
pub async fn create_api_key(
    app: &Identity,
    call: &RequestContext,
    input: ApiKeyCreate,
) -> Result<Reply<ApiKeyCreated, 201>, Fault> {
    // Asked before the transaction: nobody is waited for inside one.
    if let Some(channel) = input.channel_id {
        let environment = input.environment_id.unwrap_or(call.tenant);
        let known = store::environment::environment_get(&mut *app.db.read(call.tenant).await?, environment).await?;
        let environment = known.ok_or_else(|| Fault::not_found("environment"))?;
        check_channel(app, call, environment.id, channel).await?;
    }
    let mut tx = match app.db.begin(call, "api_key_create", &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let environment = input.environment_id.unwrap_or(call.tenant);
    let environment = store::environment::environment_get(&mut tx, environment).await?;
    let environment = environment.ok_or_else(|| Fault::not_found("environment"))?;
    let new = NewKey {
        id: app.host.id(environment.id),
        environment_id: environment.id,
        kind: input.kind,
        mode: environment.kind.mode(),
        name: input.name,
        scopes: scopes::grant(input.kind, input.scopes, &call.scopes)?,
        channel_id: input.channel_id,
        expires_at: input.expires_at,
    };
    tx.enter(environment.id).await?;
    let issued = issue_key(app, &mut tx, call, new, None, app.host.now(environment.id)).await?;
    tx.enter(call.tenant).await?;
    let (created, again) = issued.replies();
    tx.finish(Reply::created(created).replay_as(&again)?).await
}

/// Refuses a channel that the environment does not have; channels are the catalogue's.
async fn check_channel(app: &Identity, call: &RequestContext, environment: TenantId, channel: ChannelId) -> Result<(), Fault> {
    let call = RequestContext { tenant: environment, ..call.clone() };
    let message = GetSellablesRequest { channel_id: channel.to_string(), variant_ids: Vec::new() };
    match app.catalog.clone().get_sellables(app.host.request(&call, message)).await.map_err(Fault::from) {
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::NotFound => Err(Fault::not_found("channel")),
        Err(fault) => Err(fault),
    }
}
