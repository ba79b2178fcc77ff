//! Generates the text of a key and stores the key under its digest: the last step of each operation that makes a key.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{ApiKeyId, Timestamp, api_key};
use bloom_web::Created;

use super::model::{ApiKey, ApiKeyCreated, IssuedKey, NewKey, shape};
use super::store::api_key_insert;
use crate::Identity;

/// Issues a key. The transaction's tenant must be the key's environment.
pub(crate) async fn issue(
    app: &Identity,
    tx: &mut TenantTx,
    new: NewKey,
    rotated_from: Option<ApiKeyId>,
    now: Timestamp,
) -> Result<IssuedKey, Fault> {
    let token = api_key::generate(shape(new.kind, new.mode), &*app.context.entropy);
    let key = ApiKey { rotated_from, ..ApiKey::new(new, &token, now)? };
    let digest = app.stored_digest(&api_key::digest(&token));
    api_key_insert(tx, &key, &digest).await?;
    tx.publish(&key);
    Ok(IssuedKey { api_key: key, secret: token })
}

impl IssuedKey {
    /// The reply to the request; the reply to a repeat of it has no text.
    pub(super) fn into_reply(self) -> Result<Created<ApiKeyCreated>, Fault> {
        let redacted = ApiKeyCreated { api_key: self.api_key.clone(), secret: None };
        Created::created(ApiKeyCreated { api_key: self.api_key, secret: Some(self.secret) }).replay_as(&redacted)
    }
}
