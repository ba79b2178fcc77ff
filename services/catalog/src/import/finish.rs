//! The end of an import: its event, and the timer that deletes it later.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish, schedule};
use bloom_fault::Fault;
use bloom_kernel::ImportId;
use bloom_runtime::{RequestContext, ServiceContext};

use super::model::{DELETE_TIMER, Import, ImportStatus, RETENTION};
use super::store::{chunk_drop, import_get, import_status};
use crate::Catalog;

/// Ends an import all of whose lines are applied or in the report.
pub(super) async fn complete(app: &Catalog, call: &RequestContext, tx: &mut TenantTx, id: ImportId) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    import_status(tx, id, ImportStatus::Completed, None, Some(now), now).await?;
    end(app, call, tx, id).await
}

/// Ends an import that was not wholly received.
pub(super) async fn fail(
    app: &Catalog,
    call: &RequestContext,
    tx: &mut TenantTx,
    id: ImportId,
    reason: &str,
) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    import_status(tx, id, ImportStatus::Failed, Some(reason), Some(now), now).await?;
    chunk_drop(tx, id).await?;
    end(app, call, tx, id).await
}

async fn end(app: &Catalog, call: &RequestContext, tx: &mut TenantTx, id: ImportId) -> Result<(), Fault> {
    let job = import_get(tx, id).await?.ok_or_else(|| Fault::not_found("import"))?;
    schedule(tx, DELETE_TIMER, &id.to_string(), app.host.platform_now() + RETENTION, &()).await?;
    publish_import(tx, &app.host, call, &job.import).await
}

/// Publishes an import that has started or ended.
pub(super) async fn publish_import(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    import: &Import,
) -> Result<(), Fault> {
    let (kind, version) = ("import.updated", import.version);
    publish(tx, host, call, Draft { kind, aggregate: import.id.to_string(), version, data: import, causation: None }).await
}
