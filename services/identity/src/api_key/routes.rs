//! `/v1/identity/api-keys`: the keys of the caller's environment. They have no `ETag`: a use changes them without a new version.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_web::{Caller, List, NoFilter, Page, Path, Reply, Routes};

use super::create::create;
use super::model::{ApiKey, not_found};
use super::revoke::revoke;
use super::rotate::rotate;
use super::store::{api_key_get, api_key_list};
use crate::{Identity, IdentityRead};

pub(crate) fn routes() -> Routes<Identity> {
    Routes::new("/v1/identity/api-keys")
        .post("api_key_create", "Create an API key; its text is shown once", create)
        .get("api_key_list", "List API keys, newest first", list)
        .at("/{api_key_id}")
        .get("api_key_get", "Get an API key", get)
        .at("/{api_key_id}/rotate")
        .post("api_key_rotate", "Replace an API key; both work for an overlap", rotate)
        .at("/{api_key_id}/revoke")
        .post("api_key_revoke", "Revoke an API key", revoke)
}

async fn list(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<ApiKey>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = api_key_list(&mut conn, caller.tenant, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |key| key.id))
}

async fn get(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Path(id): Path<ApiKeyId>,
) -> Result<Reply<ApiKey>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let key = api_key_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(Reply::ok(key))
}
