//! Gateways ask each second which keys to forget.

use bloom_contract_identity::ListRevocationsReply;
use bloom_fault::Fault;

use crate::Identity;
use crate::store::revocation::revocation_list;

const REVOCATIONS_MAX: i64 = 1_000;

/// The keys to forget after a cursor.
pub async fn list_revocations(app: &Identity, after: i64) -> Result<ListRevocationsReply, Fault> {
    let mut tx = app.db.system().await?;
    let announced = revocation_list(&mut tx, after.max(0), REVOCATIONS_MAX).await?;
    tx.commit().await?;
    let last = announced.last().map(|last| last.seq.unwrap_or(last.head)).unwrap_or_default();
    let key_ids = announced.iter().filter_map(|one| one.key_id).map(|id| id.to_string()).collect();
    Ok(ListRevocationsReply { key_ids, cursor: last })
}
