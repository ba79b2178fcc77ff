//! `PATCH /v1/identity/environments/{environment_id}`: changes the name or the defaults of an environment.

use axum::extract::State;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_runtime::http::{Caller, IfMatch, Json, Path};
use bloom_runtime::{Begin, Reply};

use super::model::{Environment, EnvironmentUpdate, time_zone_unknown};
use super::store::{environment_get, environment_lock, environment_update, time_zone_exists};
use crate::Identity;
use crate::permissions::IdentityWrite;

pub(super) async fn update(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Path(id): Path<TenantId>,
    if_match: IfMatch,
    Json(input): Json<EnvironmentUpdate>,
) -> Result<Reply<Environment>, Fault> {
    if_match.required()?;
    let mut tx = match app.db.begin(&caller, "environment_update", &(id, if_match.version(), &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let not_found = || Fault::not_found("environment");
    // A caller may change what it can see: its own environment, and the sandboxes of the live one.
    environment_get(&mut tx, id).await?.ok_or_else(not_found)?;
    tx.enter(id).await?;
    let current = environment_lock(&mut tx, id).await?.ok_or_else(not_found)?;
    if_match.check(current.version)?;
    let next = current.updated(input, app.host.now(id))?;
    let version = next.version;
    if version != current.version {
        if next.time_zone != current.time_zone && !time_zone_exists(&mut tx, &next.time_zone).await? {
            return Err(time_zone_unknown());
        }
        environment_update(&mut tx, &next).await?;
        let draft = Draft { kind: "environment.updated", aggregate: id.to_string(), version, data: &next, causation: None };
        publish(&mut tx, &app.host, &caller, draft).await?;
    }
    tx.enter(caller.tenant).await?;
    tx.finish(Reply::ok(next).etag(version)).await
}
