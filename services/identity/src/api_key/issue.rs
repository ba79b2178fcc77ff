//! Generates the text of a key and stores the key under its digest: the last step of each operation that makes a key.

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{ApiKeyId, Timestamp, api_key};
use bloom_runtime::{Call, TenantTx};

use super::model::{ApiKey, IssuedKey, NewKey, shape};
use super::store::api_key_insert;
use crate::Identity;
use crate::error::refusal;

/// Issues a key. The transaction's tenant must be the key's environment.
pub(crate) async fn issue(
    app: &Identity,
    tx: &mut TenantTx,
    call: &Call,
    new: NewKey,
    rotated_from: Option<ApiKeyId>,
    now: Timestamp,
) -> Result<IssuedKey, Fault> {
    let token = api_key::generate(shape(new.kind, new.mode), &*app.host.entropy);
    let key = ApiKey { rotated_from, ..ApiKey::new(new, &token, now)? };
    let digest = app.stored_digest(&api_key::digest(&token));
    api_key_insert(tx, &key, &digest).await.map_err(refusal)?;
    publish_key(app, tx, call, "api_key.created", &key).await?;
    Ok(IssuedKey { api_key: key, secret: token })
}

/// Publishes the present state of a key.
pub(super) async fn publish_key(
    app: &Identity,
    tx: &mut TenantTx,
    call: &Call,
    kind: &'static str,
    key: &ApiKey,
) -> Result<(), Fault> {
    let draft = Draft { kind, aggregate: key.id.to_string(), version: key.version, data: key, causation: None };
    publish(tx, &app.host, call, draft).await
}
