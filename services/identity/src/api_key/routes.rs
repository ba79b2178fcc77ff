//! `/v1/identity/api-keys`: the keys of the caller's environment.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_runtime::Reply;
use bloom_runtime::http::page::{Page, PageQuery};
use bloom_runtime::http::{Caller, Path, Query};

use super::create::create;
use super::model::ApiKey;
use super::revoke::revoke;
use super::rotate::rotate;
use super::store::{api_key_get, api_key_list};
use crate::Identity;
use crate::permissions::IdentityRead;

pub(crate) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new()
        .api_route(
            "/v1/identity/api-keys",
            get_with(list, |op| op.id("api_key_list").tag("identity").summary("List API keys, newest first"))
                .post_with(create, |op| {
                    op.id("api_key_create").tag("identity").summary("Create an API key; its text is shown once")
                }),
        )
        .api_route(
            "/v1/identity/api-keys/{api_key_id}",
            get_with(get, |op| op.id("api_key_get").tag("identity").summary("Get an API key")),
        )
        .api_route(
            "/v1/identity/api-keys/{api_key_id}/rotate",
            post_with(rotate, |op| {
                op.id("api_key_rotate").tag("identity").summary("Replace an API key; both work for an overlap")
            }),
        )
        .api_route(
            "/v1/identity/api-keys/{api_key_id}/revoke",
            post_with(revoke, |op| op.id("api_key_revoke").tag("identity").summary("Revoke an API key")),
        )
}

async fn list(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<ApiKey>>, Fault> {
    const LIST: &[u8] = b"api-keys";
    let before = app.cursors.position(caller.tenant, LIST, query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = api_key_list(&mut conn, caller.tenant, before, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, LIST, query.limit, rows, |key| key.id)))
}

async fn get(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Path(id): Path<ApiKeyId>,
) -> Result<Reply<ApiKey>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let key = api_key_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("API key"))?;
    Ok(Reply::ok(key))
}
