//! `POST /v1/identity/api-keys/{api_key_id}/revoke`: ends a key, at every gateway within seconds.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_web::{Caller, Path, Reply};

use super::model::{ApiKey, not_found};
use super::store::{api_key_lock, api_key_update, revocation_insert};
use crate::{Identity, IdentityWrite};

/// Revokes a key of the caller's environment, which may be the caller's own key. A revoked key stays as it is.
pub(super) async fn revoke(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<ApiKeyId>,
) -> Result<Reply<ApiKey>, Fault> {
    app.db
        .idempotent(caller.operation("api_key_revoke", &id), async |tx| {
            let keys = api_key_lock(tx, id).await?;
            let mut key = keys.into_iter().find(|key| key.id == id).ok_or_else(not_found)?;
            if key.revoke(tx.now()) {
                api_key_update(tx, &key).await?;
                tx.publish_as("revoked", &key);
                revocation_insert(tx, id, app.context.platform_now()).await?;
            }
            Ok(Reply::ok(key))
        })
        .await
}
