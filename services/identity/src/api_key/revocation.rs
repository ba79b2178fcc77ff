//! The list of keys that gateways must remove from their caches. Gateways poll it every second.

use bloom_contract_identity::ListRevocationsReply;
use bloom_fault::Fault;
use chrono::TimeDelta;

use super::store::{revocation_list, revocation_purge};
use crate::Identity;

const REVOCATIONS_MAX: i64 = 1_000;
const RETENTION: TimeDelta = TimeDelta::days(7);

/// The keys that were revoked after a cursor.
pub(crate) async fn list_revocations(app: &Identity, after: i64) -> Result<ListRevocationsReply, Fault> {
    let mut tx = app.db.system().await?;
    let revoked = revocation_list(&mut tx, after.max(0), REVOCATIONS_MAX).await?;
    tx.commit().await?;
    let cursor = revoked.last().map(|last| last.seq.unwrap_or(last.head)).unwrap_or_default();
    let key_ids = revoked.iter().filter_map(|one| one.key_id).map(|id| id.to_string()).collect();
    Ok(ListRevocationsReply { key_ids, cursor })
}

/// Deletes revocations that every gateway has seen long ago.
pub(super) async fn purge_revocations(app: &Identity) -> Result<(), Fault> {
    let mut tx = app.db.system().await?;
    revocation_purge(&mut tx, app.context.platform_now() - RETENTION).await?;
    tx.commit().await
}
