//! A key ceases to work, at every gateway within seconds.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::domain::api_key::ApiKey;
use crate::ops::issue_key::tell;
use crate::{Identity, store};

/// Revokes a key of the caller's environment; a key may revoke itself. A revoked one stays as it is.
pub async fn revoke_api_key(app: &Identity, call: &RequestContext, id: ApiKeyId) -> Result<Reply<ApiKey>, Fault> {
    let mut tx = match app.db.begin(call, "api_key_revoke", &id).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let keys = store::api_key::api_key_lock(&mut tx, id).await?;
    let current = keys.into_iter().find(|key| key.id == id).ok_or_else(|| Fault::not_found("API key"))?;
    let version = current.version;
    let revoked = current.revoked(app.host.now(call.tenant));
    if revoked.version != version {
        store::api_key::api_key_update(&mut tx, &revoked).await?;
        tell(app, &mut tx, call, "api_key.revoked", &revoked).await?;
        store::revocation::revocation_announce(&mut tx, call.tenant, id, app.host.platform_now()).await?;
    }
    tx.finish(Reply::ok(revoked)).await
}
