//! The timers: one works on an import for a while, then fires again so that other timers run too; one deletes an old import.

use std::time::Duration;

use bloom_events::{cancel, schedule};
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
pub(crate) async fn run_import(app: &Catalog, call: &RequestContext, key: &str) -> Result<(), Fault> {
    let Ok(id) = key.parse::<ImportId>() else { return Ok(()) };
    if start(app, call, id).await? != Some(ImportStatus::Running) {
        return Ok(());
    }
    let end = Instant::now() + WORK_TIME;
    while Instant::now() < end {
        // One chunk is applied while the one before it is pushed.
        let (applied, pushed) = futures::join!(apply_next(app, call, id), push_next(app, call, id));
        if !applied? && !pushed? {
            return finish(app, call, id).await;
        }
        app.list_etags.invalidate(call.tenant);
    }
    let mut tx = app.db.write(call).await?;
    schedule(&mut tx, TIMER, key, app.host.platform_now(), &()).await?;
    tx.commit().await
}

/// Reads the status, and schedules the timer at which another worker takes over should this one be killed.
async fn start(app: &Catalog, call: &RequestContext, id: ImportId) -> Result<Option<ImportStatus>, Fault> {
    let mut tx = app.db.write(call).await?;
    let Some(job) = import_lock(&mut tx, id).await? else { return Ok(None) };
    match job.import.status {
        ImportStatus::Running => schedule(&mut tx, TIMER, &id.to_string(), app.host.platform_now() + TAKEOVER, &()).await?,
        ImportStatus::Receiving if job.import.updated_at + UPLOAD_TIMEOUT < app.host.now(call.tenant) => {
            fail(app, call, &mut tx, id, "upload_interrupted").await?;
        }
        ImportStatus::Receiving => {
            schedule(&mut tx, TIMER, &id.to_string(), app.host.platform_now() + UPLOAD_TIMEOUT, &()).await?
        }
        ImportStatus::Completed | ImportStatus::Failed => {}
    }
    tx.commit().await?;
    Ok(Some(job.import.status))
}

async fn finish(app: &Catalog, call: &RequestContext, id: ImportId) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    let Some(job) = import_lock(&mut tx, id).await? else { return Ok(()) };
    if job.import.status == ImportStatus::Running {
        complete(app, call, &mut tx, id).await?;
        cancel(&mut tx, TIMER, &id.to_string()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Deletes an import and its report.
pub(crate) async fn delete_import(app: &Catalog, call: &RequestContext, key: &str) -> Result<(), Fault> {
    let Ok(id) = key.parse::<ImportId>() else { return Ok(()) };
    loop {
        let mut tx = app.db.write(call).await?;
        let more = error_delete(&mut tx, id, DELETE_BATCH).await?;
        if !more {
            import_delete(&mut tx, id).await?;
        }
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
