//! `POST /v1/identity/environments`: creates a sandbox beside the live environment, with its first secret key.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_web::{Body, Caller, Created};

use super::model::{Environment, EnvironmentCreate, EnvironmentCreated, EnvironmentKind, time_zone_unknown};
use super::store::{environment_get, environment_insert, time_zone_exists};
use crate::api_key::{self, KeyKind};
use crate::{Identity, IdentityWrite};

pub(super) async fn create(
    State(app): State<Identity>,
    caller: Caller<IdentityWrite>,
    Body(input): Body<EnvironmentCreate>,
) -> Result<Created<EnvironmentCreated>, Fault> {
    app.db
        .idempotent(caller.operation("environment_create", &input), async |tx| {
            let own = environment_get(tx, caller.tenant).await?.ok_or_else(|| Fault::not_found("environment"))?;
            if own.kind != EnvironmentKind::Live {
                let detail = "Only a key of the live environment can create sandboxes.";
                return Err(Fault::new(Code::Forbidden, "live_key_required", detail).policy("environments:live-only"));
            }
            let id = tx.new_id();
            tx.enter(id).await?;
            let sandbox = Environment::sandbox(&own, id, tx.now(), input);
            add(tx, &sandbox).await?;
            let new = sandbox.first_key(tx.new_id(), KeyKind::Secret, "First secret key", &caller.scopes)?;
            let key = api_key::issue(&app, tx, new, None, tx.now()).await?;
            // The reply is stored for the caller's idempotency key, in the caller's environment.
            tx.enter(caller.tenant).await?;

            let version = sandbox.version;
            let redacted = EnvironmentCreated { environment: sandbox.clone(), api_key: key.api_key.clone(), secret: None };
            let reply = EnvironmentCreated { environment: sandbox, api_key: key.api_key, secret: Some(key.secret) };
            Created::created(reply).etag(version).replay_as(&redacted)
        })
        .await
}

/// Adds an environment. The transaction's tenant must be that environment.
pub(crate) async fn add(tx: &mut TenantTx, environment: &Environment) -> Result<(), Fault> {
    if !time_zone_exists(tx, &environment.time_zone).await? {
        return Err(time_zone_unknown());
    }
    environment_insert(tx, environment).await?;
    tx.publish(environment);
    Ok(())
}
