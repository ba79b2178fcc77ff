//! Part of two use cases: an environment comes to be.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::RequestContext;

use crate::Identity;
use crate::domain::environment::Environment;
use crate::store;

/// Adds the environment. The transaction must stand in it already.
pub(crate) async fn found_environment(
    app: &Identity,
    tx: &mut TenantTx,
    call: &RequestContext,
    environment: &Environment,
) -> Result<(), Fault> {
    check_time_zone(tx, &environment.time_zone).await?;
    store::environment::environment_insert(tx, environment).await?;
    tell(app, tx, call, "environment.created", environment).await
}

/// Refuses a time zone that the database does not know.
pub(crate) async fn check_time_zone(tx: &mut TenantTx, name: &str) -> Result<(), Fault> {
    if store::environment::time_zone_exists(tx, name).await? {
        return Ok(());
    }
    Err(Fault::invalid("/time_zone", "unknown", "is an IANA time zone such as `Asia/Kolkata`"))
}

/// Publishes what became of an environment.
pub(crate) async fn tell(
    app: &Identity,
    tx: &mut TenantTx,
    call: &RequestContext,
    kind: &'static str,
    environment: &Environment,
) -> Result<(), Fault> {
    let aggregate = environment.id.to_string();
    let draft = Draft { kind, aggregate, version: environment.version, data: environment, causation: None };
    publish(tx, &app.host, call, draft).await
}
