//! `POST /v1/identity/api-keys/{api_key_id}/rotate`: replaces a key. Its successor works at once, and the old key for the
//! overlap.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_web::{Body, Caller, Created, Path};

use super::issue::issue;
use super::model::{ApiKeyCreated, ApiKeyRotate, not_found};
use super::scopes::check_held;
use super::store::{api_key_lock, api_key_update, revocation_insert};
use crate::{Identity, IdentityWrite};

pub(super) async fn rotate(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<ApiKeyId>,
    Body(input): Body<ApiKeyRotate>,
) -> Result<Created<ApiKeyCreated>, Fault> {
    app.db
        .idempotent(caller.operation("api_key_rotate", &(id, &input)), async |tx| {
            let (current, older): (Vec<_>, Vec<_>) = api_key_lock(tx, id).await?.into_iter().partition(|key| key.id == id);
            let current = current.first().ok_or_else(not_found)?;
            // The caller sees the text of the successor, so it must hold all scopes of the key.
            check_held(&current.scopes, &caller.scopes)?;
            let (old, new) = current.rotated(older.first(), tx.new_id(), input.overlap_s, tx.now())?;
            api_key_update(tx, &old).await?;
            tx.publish(&old);
            let issued = issue(&app, tx, new, Some(id), tx.now()).await?;
            // Gateways have cached the old key without its new end, so they must resolve it again.
            revocation_insert(tx, id, app.context.platform_now()).await?;
            issued.into_reply()
        })
        .await
}
