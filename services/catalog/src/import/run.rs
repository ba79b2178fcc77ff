//! The timers: one works on an import for a while, then fires again so that other timers run too; one deletes an old import.

use std::time::Duration;

use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ImportId;
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use tokio::time::Instant;

use super::apply::apply_next;
use super::finish::{complete, fail};
use super::model::{ImportStatus, TIMER, UPLOAD_TIMEOUT};
use super::push::push_next;
use super::store::{error_delete, import_delete, import_lock};
use crate::Catalog;

/// How long one firing works on an import.
const WORK_TIME: Duration = Duration::from_secs(8);
/// When the next worker takes over from one that was killed.
const TAKEOVER: TimeDelta = TimeDelta::seconds(15);
/// Rows of a report that are deleted at a time.
const DELETE_BATCH: i64 = 10_000;

/// Works on an import.
pub(crate) async fn run_import(app: &Catalog, context: &RequestContext, id: ImportId, (): ()) -> Result<(), Fault> {
    if start(app, context, id).await? != Some(ImportStatus::Running) {
        return Ok(());
    }
    let end = Instant::now() + WORK_TIME;
    while Instant::now() < end {
        // One chunk is applied while the one before it is pushed.
        let (applied, pushed) = futures::join!(apply_next(app, context, id), push_next(app, context, id));
        if !applied? && !pushed? {
            return finish(app, context, id).await;
        }
    }
    let now = app.context.platform_now();
    app.db
        .transaction(context, async |tx| {
            tx.schedule(TIMER, &id.to_string(), now, &());
            Ok(())
        })
        .await
}

/// Reads the status, and schedules the timer at which another worker takes over should this one be killed.
async fn start(app: &Catalog, context: &RequestContext, id: ImportId) -> Result<Option<ImportStatus>, Fault> {
    let now = app.context.platform_now();
    app.db
        .transaction(context, async |tx| {
            let Some(job) = import_lock(tx, id).await? else { return Ok(None) };
            match job.import.status {
                ImportStatus::Running => tx.schedule(TIMER, &id.to_string(), now + TAKEOVER, &()),
                ImportStatus::Receiving if job.import.updated_at + UPLOAD_TIMEOUT < tx.now() => {
                    fail(tx, id, "upload_interrupted").await?;
                }
                ImportStatus::Receiving => tx.schedule(TIMER, &id.to_string(), now + UPLOAD_TIMEOUT, &()),
                ImportStatus::Completed | ImportStatus::Failed => {}
            }
            Ok(Some(job.import.status))
        })
        .await
}

async fn finish(app: &Catalog, context: &RequestContext, id: ImportId) -> Result<(), Fault> {
    app.db
        .transaction(context, async |tx| {
            let Some(job) = import_lock(tx, id).await? else { return Ok(()) };
            if job.import.status == ImportStatus::Running {
                complete(tx, id).await?;
                tx.unschedule(TIMER, &id.to_string());
            }
            Ok(())
        })
        .await
}

/// Deletes an import and its report.
pub(crate) async fn delete_import(app: &Catalog, context: &RequestContext, id: ImportId, (): ()) -> Result<(), Fault> {
    loop {
        let delete = app.db.transaction(context, async |tx| {
            let more = error_delete(tx, id, DELETE_BATCH).await?;
            if !more {
                import_delete(tx, id).await?;
            }
            Ok(more)
        });
        if !delete.await? {
            return Ok(());
        }
    }
}
