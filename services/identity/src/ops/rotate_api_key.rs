//! A key is replaced: its successor works from now on, the old one for the overlap.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::domain::api_key::{ApiKeyCreated, ApiKeyRotate};
use crate::domain::scopes;
use crate::ops::issue_key::{issue_key, tell};
use crate::{Identity, store};

/// Replaces a key of the caller's environment.
pub async fn rotate_api_key(
    app: &Identity,
    call: &RequestContext,
    id: ApiKeyId,
    input: ApiKeyRotate,
) -> Result<Reply<ApiKeyCreated, 201>, Fault> {
    let mut tx = match app.db.begin(call, "api_key_rotate", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let (current, older): (Vec<_>, Vec<_>) =
        store::api_key::api_key_lock(&mut tx, id).await?.into_iter().partition(|key| key.id == id);
    let current = current.first().ok_or_else(|| Fault::not_found("API key"))?;
    // Who rotates a key learns the text of one that may do as much.
    scopes::check_held(&current.scopes, &call.scopes)?;
    let now = app.host.now(call.tenant);
    let (old, new) = current.rotated(older.first(), app.host.id(call.tenant), &input, now)?;
    store::api_key::api_key_update(&mut tx, &old).await?;
    tell(app, &mut tx, call, "api_key.updated", &old).await?;
    let issued = issue_key(app, &mut tx, call, new, Some(id), now).await?;
    // Gateways hold the old key without its end.
    store::revocation::revocation_announce(&mut tx, call.tenant, id, app.host.platform_now()).await?;
    let (created, again) = issued.replies();
    tx.finish(Reply::created(created).replay_as(&again)?).await
}
