//! `POST /v1/identity/environments`: creates a sandbox beside the live environment, with its first secret key.

use axum::extract::State;
use bloom_events::{Draft, publish};
use bloom_fault::{Code, Fault};
use bloom_runtime::http::{Caller, Json};
use bloom_runtime::{Begin, Call, Reply, TenantTx};

use super::model::{Environment, EnvironmentCreate, EnvironmentCreated, EnvironmentKind, time_zone_unknown};
use super::store::{environment_get, environment_insert, time_zone_exists};
use crate::Identity;
use crate::api_key::{self, KeyKind};
use crate::error::refusal;
use crate::permissions::IdentityWrite;

pub(super) async fn create(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Json(input): Json<EnvironmentCreate>,
) -> Result<Reply<EnvironmentCreated, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "environment_create", &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let own = environment_get(&mut tx, caller.tenant).await?.ok_or_else(|| Fault::not_found("environment"))?;
    if own.kind != EnvironmentKind::Live {
        let detail = "Only a key of the live environment can create sandboxes.";
        return Err(Fault::new(Code::Forbidden, "live_key_required", detail).policy("environments:live-only"));
    }
    let id = app.host.id(caller.tenant);
    let now = app.host.now(id);
    let sandbox = Environment::sandbox(&own, id, input, now)?;
    let new = sandbox.first_key(app.host.id(id), KeyKind::Secret, "First secret key".to_owned(), &caller.scopes)?;

    tx.enter(id).await?;
    add(&app, &mut tx, &caller, &sandbox).await?;
    let key = api_key::issue(&app, &mut tx, &caller, new, None, now).await?;
    // The reply is stored for the caller's idempotency key, in the caller's environment.
    tx.enter(caller.tenant).await?;

    let version = sandbox.version;
    let redacted = EnvironmentCreated { environment: sandbox.clone(), api_key: key.api_key.clone(), secret: None };
    let reply = EnvironmentCreated { environment: sandbox, api_key: key.api_key, secret: Some(key.secret) };
    tx.finish(Reply::created(reply).etag(version).replay_as(&redacted)?).await
}

/// Adds an environment. The transaction's tenant must be that environment.
pub(crate) async fn add(app: &Identity, tx: &mut TenantTx, call: &Call, environment: &Environment) -> Result<(), Fault> {
    if !time_zone_exists(tx, &environment.time_zone).await? {
        return Err(time_zone_unknown());
    }
    environment_insert(tx, environment).await.map_err(refusal)?;
    let aggregate = environment.id.to_string();
    let draft =
        Draft { kind: "environment.created", aggregate, version: environment.version, data: environment, causation: None };
    publish(tx, &app.host, call, draft).await
}
