//! Part of several use cases: a key is made, stored under its digest, and told of.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{ApiKeyId, Timestamp, api_key};
use bloom_runtime::RequestContext;

use crate::Identity;
use crate::domain::api_key::{ApiKey, IssuedKey, NewKey, shape};
use crate::store;

/// Makes the key. The transaction must stand in the key's environment.
pub(crate) async fn issue_key(
    app: &Identity,
    tx: &mut TenantTx,
    call: &RequestContext,
    new: NewKey,
    rotated_from: Option<ApiKeyId>,
    now: Timestamp,
) -> Result<IssuedKey, Fault> {
    let token = api_key::generate(shape(new.kind, new.mode), &*app.host.entropy);
    let key = ApiKey { rotated_from, ..ApiKey::new(new, &token, now)? };
    let digest = app.stored_digest(&api_key::digest(&token));
    store::api_key::api_key_insert(tx, &key, &digest).await?;
    tell(app, tx, call, "api_key.created", &key).await?;
    Ok(IssuedKey { api_key: key, secret: token })
}

/// Publishes what became of a key.
pub(crate) async fn tell(
    app: &Identity,
    tx: &mut TenantTx,
    call: &RequestContext,
    kind: &'static str,
    key: &ApiKey,
) -> Result<(), Fault> {
    let draft = Draft { kind, aggregate: key.id.to_string(), version: key.version, data: key, causation: None };
    publish(tx, &app.host, call, draft).await
}
