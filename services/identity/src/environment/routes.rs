//! `/v1/identity/environments`: a key sees its own environment; a key of the live one sees and creates sandboxes too.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_runtime::Reply;
use bloom_runtime::http::page::{Page, PageQuery};
use bloom_runtime::http::{Caller, Path, Query};

use super::create::create;
use super::model::Environment;
use super::store::{environment_get, environment_list};
use super::update::update;
use crate::Identity;
use crate::permissions::IdentityRead;

pub(crate) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new()
        .api_route(
            "/v1/identity/environments",
            get_with(list, |op| op.id("environment_list").tag("identity").summary("List the environments that the key reaches"))
                .post_with(create, |op| {
                    op.id("environment_create").tag("identity").summary("Create a sandbox and its first key")
                }),
        )
        .api_route(
            "/v1/identity/environments/{environment_id}",
            get_with(get, |op| op.id("environment_get").tag("identity").summary("Get an environment")).patch_with(update, |op| {
                op.id("environment_update").tag("identity").summary("Update the name or the defaults of an environment")
            }),
        )
}

async fn list(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Environment>>, Fault> {
    const LIST: &[u8] = b"environments";
    let after = app.cursors.position(caller.tenant, LIST, query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = environment_list(&mut conn, after, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, LIST, query.limit, rows, |environment| environment.id)))
}

async fn get(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Path(id): Path<TenantId>,
) -> Result<Reply<Environment>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let environment = environment_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("environment"))?;
    let version = environment.version;
    Ok(Reply::ok(environment).etag(version))
}
