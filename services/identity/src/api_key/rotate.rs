//! `POST /v1/identity/api-keys/{api_key_id}/rotate`: replaces a key. Its successor works at once, and the old key for the
//! overlap.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_runtime::http::{Caller, Json, Path};
use bloom_runtime::{Begin, Reply};

use super::issue::{issue, publish_key};
use super::model::{ApiKeyCreated, ApiKeyRotate};
use super::scopes::check_held;
use super::store::{api_key_lock, api_key_update, revocation_insert};
use crate::Identity;
use crate::permissions::IdentityWrite;

pub(super) async fn rotate(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<ApiKeyId>,
    Json(input): Json<ApiKeyRotate>,
) -> Result<Reply<ApiKeyCreated, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "api_key_rotate", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let (current, older): (Vec<_>, Vec<_>) = api_key_lock(&mut tx, id).await?.into_iter().partition(|key| key.id == id);
    let current = current.first().ok_or_else(|| Fault::not_found("API key"))?;
    // The caller learns the text of the successor, so it must hold all scopes of the key.
    check_held(&current.scopes, &caller.scopes)?;
    let now = app.host.now(caller.tenant);
    let (old, new) = current.rotated(older.first(), app.host.id(caller.tenant), &input, now)?;
    api_key_update(&mut tx, &old).await?;
    publish_key(&app, &mut tx, &caller, "api_key.updated", &old).await?;
    let issued = issue(&app, &mut tx, &caller, new, Some(id), now).await?;
    // Gateways have the old key in their caches without its new end, so they must ask again.
    revocation_insert(&mut tx, caller.tenant, id, app.host.wall()).await?;
    let (created, again) = issued.replies();
    tx.finish(Reply::created(created).replay_as(&again)?).await
}
