//! `/v1/identity/environments`: a key sees its own environment; a key of the live one sees and creates sandboxes too.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_web::{Body, Caller, IfMatch, List, NoFilter, Page, Path, Reply, Routes};

use super::create::create;
use super::model::{Environment, EnvironmentUpdate, time_zone_unknown};
use super::store::{environment_get, environment_list, environment_lock, environment_update, time_zone_exists};
use crate::{Identity, IdentityRead, IdentityWrite};

pub(crate) fn routes() -> Routes<Identity> {
    Routes::new("/v1/identity/environments")
        .post("environment_create", "Create a sandbox and its first key", create)
        .get("environment_list", "List the environments that the key reaches", list)
        .at("/{environment_id}")
        .get("environment_get", "Get an environment", get)
        .patch("environment_update", "Update the name or the defaults of an environment", update)
}

async fn list(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Environment>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = environment_list(&mut conn, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |environment| environment.id))
}

async fn get(
    State(app): State<Identity>,
    caller: Caller<IdentityRead>,
    Path(id): Path<TenantId>,
) -> Result<Reply<Environment>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let environment = environment_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(environment.into())
}

/// A caller may change what it can see: its own environment, and the sandboxes of the live one.
async fn update(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<TenantId>,
    if_match: IfMatch,
    Body(input): Body<EnvironmentUpdate>,
) -> Result<Reply<Environment>, Fault> {
    if_match.required()?;
    app.db
        .idempotent(caller.operation("environment_update", &(id, if_match.version(), &input)), async |tx| {
            environment_get(tx, id).await?.ok_or_else(not_found)?;
            tx.enter(id).await?;
            let mut environment = environment_lock(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(environment.version)?;
            let before = environment.clone();
            environment.update(tx.now(), input);
            if environment != before {
                if environment.time_zone != before.time_zone && !time_zone_exists(tx, &environment.time_zone).await? {
                    return Err(time_zone_unknown());
                }
                environment_update(tx, &environment).await?;
                tx.publish(&environment);
            }
            // The reply is stored for the caller's idempotency key, in the caller's environment.
            tx.enter(caller.tenant).await?;
            Ok(environment)
        })
        .await
}

fn not_found() -> Fault {
    Fault::not_found("environment")
}
