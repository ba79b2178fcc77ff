//! The end of an import: its event, and the timer that deletes it later.

use bloom_db::{TenantTx, Writer as _};
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ImportId;

use super::model::{DELETE_TIMER, ImportStatus, RETENTION};
use super::store::{chunk_drop, import_get, import_status};

/// Ends an import all of whose lines are applied or in the report.
pub(super) async fn complete(tx: &mut TenantTx, id: ImportId) -> Result<(), Fault> {
    end(tx, id, ImportStatus::Completed, None).await
}

/// Ends an import that was not wholly received; nothing of it was applied.
pub(super) async fn fail(tx: &mut TenantTx, id: ImportId, reason: &str) -> Result<(), Fault> {
    chunk_drop(tx, id).await?;
    end(tx, id, ImportStatus::Failed, Some(reason)).await
}

async fn end(tx: &mut TenantTx, id: ImportId, status: ImportStatus, reason: Option<&str>) -> Result<(), Fault> {
    let (now, platform_now) = (tx.now(), tx.cause().context.platform_now());
    import_status(tx, id, status, reason, Some(now), now).await?;
    tx.schedule(DELETE_TIMER, &id.to_string(), platform_now + RETENTION, &());
    let job = import_get(tx, id).await?.ok_or_else(|| Fault::not_found("import"))?;
    tx.publish(&job.import);
    Ok(())
}
