//! An environment is renamed or gets other defaults.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::domain::environment::{Environment, EnvironmentUpdate};
use crate::ops::found_environment::{check_time_zone, tell};
use crate::{Identity, store};

/// Changes the caller's environment, or a sandbox of the live one.
pub async fn update_environment(
    app: &Identity,
    call: &RequestContext,
    id: TenantId,
    seen: IfMatch,
    input: EnvironmentUpdate,
) -> Result<Reply<Environment>, Fault> {
    seen.required()?;
    let mut tx = match app.db.begin(call, "environment_update", &(id, seen.version(), &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let unknown = || Fault::not_found("environment");
    // What the caller may see it may change: its own, and the sandboxes of the live environment.
    store::environment::environment_get(&mut tx, id).await?.ok_or_else(unknown)?;
    tx.enter(id).await?;
    let current = store::environment::environment_lock(&mut tx, id).await?.ok_or_else(unknown)?;
    seen.check(current.version)?;
    let next = current.updated(input, app.host.now(id))?;
    if next.version != current.version {
        if next.time_zone != current.time_zone {
            check_time_zone(&mut tx, &next.time_zone).await?;
        }
        store::environment::environment_update(&mut tx, &next).await?;
        tell(app, &mut tx, call, "environment.updated", &next).await?;
    }
    tx.enter(call.tenant).await?;
    let version = next.version;
    tx.finish(Reply::ok(next).etag(version)).await
}
