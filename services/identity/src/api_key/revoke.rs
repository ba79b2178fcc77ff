//! `POST /v1/identity/api-keys/{api_key_id}/revoke`: ends a key, at every gateway within seconds.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_runtime::http::{Caller, Path};
use bloom_runtime::{Begin, Reply};

use super::issue::publish_key;
use super::model::ApiKey;
use super::store::{api_key_lock, api_key_update, revocation_insert};
use crate::Identity;
use crate::permissions::IdentityWrite;

/// Revokes a key of the caller's environment, which may be the caller's own key. A revoked key stays as it is.
pub(super) async fn revoke(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<ApiKeyId>,
) -> Result<Reply<ApiKey>, Fault> {
    let mut tx = match app.db.begin(&caller, "api_key_revoke", &id).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let keys = api_key_lock(&mut tx, id).await?;
    let current = keys.into_iter().find(|key| key.id == id).ok_or_else(|| Fault::not_found("API key"))?;
    let version = current.version;
    let revoked = current.revoked(app.host.now(caller.tenant));
    if revoked.version != version {
        api_key_update(&mut tx, &revoked).await?;
        publish_key(&app, &mut tx, &caller, "api_key.revoked", &revoked).await?;
        revocation_insert(&mut tx, caller.tenant, id, app.host.wall()).await?;
    }
    tx.finish(Reply::ok(revoked)).await
}
