//! `/v1/identity/environments`: a key sees its own; a key of the live one sees and founds sandboxes too.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::{IdentityRead, IdentityWrite};
use crate::domain::environment::{Environment, EnvironmentCreate, EnvironmentCreated, EnvironmentUpdate};
use crate::ops::create_environment::create_environment;
use crate::ops::update_environment::update_environment;
use crate::{Identity, store};

pub(super) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new()
        .api_route(
            "/v1/identity/environments",
            get_with(environment_list, |op| {
                op.id("environment_list").tag("identity").summary("List the environments that the key reaches")
            })
            .post_with(environment_create, |op| {
                op.id("environment_create").tag("identity").summary("Create a sandbox and its first key")
            }),
        )
        .api_route(
            "/v1/identity/environments/{environment_id}",
            get_with(environment_get, |op| op.id("environment_get").tag("identity").summary("Get an environment"))
                .patch_with(environment_update, |op| {
                    op.id("environment_update").tag("identity").summary("Update the name or the defaults of an environment")
                }),
        )
}

async fn environment_list(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Environment>>, Fault> {
    const LIST: &[u8] = b"environments";
    let after = app.cursors.position(caller.tenant, LIST, query.cursor.as_deref())?;
    let mut read = app.db.read(caller.tenant).await?;
    let rows = store::environment::environment_list(&mut read, after, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, LIST, query.limit, rows, |environment| environment.id)))
}

async fn environment_create(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Json(input): Json<EnvironmentCreate>,
) -> Result<Reply<EnvironmentCreated, 201>, Fault> {
    create_environment(&app, &caller, input).await
}

async fn environment_get(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Path(id): Path<TenantId>,
) -> Result<Reply<Environment>, Fault> {
    let mut read = app.db.read(caller.tenant).await?;
    let environment = store::environment::environment_get(&mut read, id).await?;
    let environment = environment.ok_or_else(|| Fault::not_found("environment"))?;
    let version = environment.version;
    Ok(Reply::ok(environment).etag(version))
}

async fn environment_update(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<TenantId>,
    seen: IfMatch,
    Json(input): Json<EnvironmentUpdate>,
) -> Result<Reply<Environment>, Fault> {
    update_environment(&app, &caller, id, seen, input).await
}
