//! The live environment founds a sandbox, and gets its first secret key.

use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::domain::api_key::{KeyKind, NewKey};
use crate::domain::environment::{Environment, EnvironmentCreate, EnvironmentCreated, EnvironmentKind};
use crate::domain::scopes;
use crate::ops::found_environment::found_environment;
use crate::ops::issue_key::issue_key;
use crate::{Identity, store};

/// Founds a sandbox beside the caller's live environment.
pub async fn create_environment(
    app: &Identity,
    call: &RequestContext,
    input: EnvironmentCreate,
) -> Result<Reply<EnvironmentCreated, 201>, Fault> {
    let mut tx = match app.db.begin(call, "environment_create", &input).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let own = store::environment::environment_get(&mut tx, call.tenant).await?;
    let own = own.ok_or_else(|| Fault::not_found("environment"))?;
    if own.kind != EnvironmentKind::Live {
        let detail = "Only a key of the live environment founds sandboxes.";
        return Err(Fault::new(Code::Forbidden, "live_key_required", detail).policy("environments:live-founds"));
    }
    let id = app.host.id(call.tenant);
    let now = app.host.now(id);
    let sandbox = Environment::sandbox(&own, id, input, now)?;
    let new = NewKey {
        id: app.host.id(id),
        environment_id: id,
        kind: KeyKind::Secret,
        mode: sandbox.kind.mode(),
        name: "First secret key".to_owned(),
        scopes: scopes::grant(KeyKind::Secret, None, &call.scopes)?,
        channel_id: None,
        expires_at: None,
    };

    tx.enter(id).await?;
    found_environment(app, &mut tx, call, &sandbox).await?;
    let key = issue_key(app, &mut tx, call, new, None, now).await?;
    // The reply is remembered under the caller's key, in the caller's environment.
    tx.enter(call.tenant).await?;

    let version = sandbox.version;
    let redacted = EnvironmentCreated { environment: sandbox.clone(), api_key: key.api_key.clone(), secret: None };
    let reply = EnvironmentCreated { environment: sandbox, api_key: key.api_key, secret: Some(key.secret) };
    tx.finish(Reply::created(reply).etag(version).replay_as(&redacted)?).await
}
