//! `/v1/identity/api-keys`: the keys of the environment.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ApiKeyId;
use bloom_web::Reply;
use bloom_web::{Caller, Json, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::{IdentityRead, IdentityWrite};
use crate::domain::api_key::{ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyRotate};
use crate::ops::create_api_key::create_api_key;
use crate::ops::revoke_api_key::revoke_api_key;
use crate::ops::rotate_api_key::rotate_api_key;
use crate::{Identity, store};

pub(super) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new()
        .api_route(
            "/v1/identity/api-keys",
            get_with(api_key_list, |op| op.id("api_key_list").tag("identity").summary("List API keys, newest first"))
                .post_with(api_key_create, |op| {
                    op.id("api_key_create").tag("identity").summary("Create an API key; its text is shown once")
                }),
        )
        .api_route(
            "/v1/identity/api-keys/{api_key_id}",
            get_with(api_key_get, |op| op.id("api_key_get").tag("identity").summary("Get an API key")),
        )
        .api_route(
            "/v1/identity/api-keys/{api_key_id}/rotate",
            post_with(api_key_rotate, |op| {
                op.id("api_key_rotate").tag("identity").summary("Replace an API key; both work for an overlap")
            }),
        )
        .api_route(
            "/v1/identity/api-keys/{api_key_id}/revoke",
            post_with(api_key_revoke, |op| op.id("api_key_revoke").tag("identity").summary("Revoke an API key")),
        )
}

async fn api_key_list(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<ApiKey>>, Fault> {
    const LIST: &[u8] = b"api-keys";
    let before = app.cursors.position(caller.tenant, LIST, query.cursor.as_deref())?;
    let mut read = app.db.read(caller.tenant).await?;
    let rows = store::api_key::api_key_list(&mut read, caller.tenant, before, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, LIST, query.limit, rows, |key| key.id)))
}

async fn api_key_create(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Json(input): Json<ApiKeyCreate>,
) -> Result<Reply<ApiKeyCreated, 201>, Fault> {
    create_api_key(&app, &caller, input).await
}

async fn api_key_get(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Path(id): Path<ApiKeyId>,
) -> Result<Reply<ApiKey>, Fault> {
    let mut read = app.db.read(caller.tenant).await?;
    let key = store::api_key::api_key_get(&mut read, id).await?.ok_or_else(|| Fault::not_found("API key"))?;
    Ok(Reply::ok(key))
}

async fn api_key_rotate(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<ApiKeyId>,
    Json(input): Json<ApiKeyRotate>,
) -> Result<Reply<ApiKeyCreated, 201>, Fault> {
    rotate_api_key(&app, &caller, id, input).await
}

async fn api_key_revoke(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<ApiKeyId>,
) -> Result<Reply<ApiKey>, Fault> {
    revoke_api_key(&app, &caller, id).await
}
