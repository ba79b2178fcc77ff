//! Resolves a key to its holder, for a gateway.

use bloom_contract_identity::ResolveKeyReply;
use bloom_fault::Fault;
use chrono::SecondsFormat;

use super::model::{KeyKind, KeyMode};
use super::store::api_key_resolve;
use crate::Identity;

/// The holder of the key with this SHA-256. Unknown, revoked and expired keys are refused alike.
pub(crate) async fn resolve(app: &Identity, sha256: &[u8]) -> Result<ResolveKeyReply, Fault> {
    let not_found = || Fault::not_found("API key");
    // The key names its tenant, so this look-up is made by the system role.
    let mut tx = app.db.system().await?;
    let holder = api_key_resolve(&mut tx, &app.stored_digest(sha256)).await?;
    tx.commit().await?;
    let holder = holder.ok_or_else(not_found)?;
    if holder.expires_at.is_some_and(|expiry| expiry <= app.context.now(holder.tenant_id)) {
        return Err(not_found());
    }
    app.usage.record(holder.key_id, app.context.platform_now());
    Ok(ResolveKeyReply {
        key_id: holder.key_id.to_string(),
        tenant_id: holder.tenant_id.to_string(),
        account_id: holder.account_id.to_string(),
        cell: holder.cell,
        scopes: holder.scopes,
        secret: holder.kind == KeyKind::Secret.as_str(),
        live: holder.mode == KeyMode::Live.as_str(),
        channel_id: holder.channel_id.map(|id| id.to_string()).unwrap_or_default(),
        expires_at: holder.expires_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true)).unwrap_or_default(),
        revocations_cursor: holder.revocations,
    })
}
