//! The timer's part: goes on with an import for a while, then lets others have a turn.

use std::time::Duration;

use bloom_db::TenantTx;
use bloom_events::schedule;
use bloom_fault::Fault;
use bloom_kernel::ImportId;
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use tokio::time::Instant;

use super::apply::apply_next;
use super::push::push_next;
use super::receive::SILENCE;
use super::{FORGET_TIMER, TIMER};
use crate::Catalog;
use crate::domain::import::{ImportStatus, RETENTION_DAYS};
use crate::events::tell_import;
use crate::store::import::{chunk_drop, error_forget, import_forget, import_get, import_lock, import_status};

/// How long one firing works on an import.
const TURN: Duration = Duration::from_secs(8);
/// When the next worker takes over from one that was killed.
const TAKEOVER: TimeDelta = TimeDelta::seconds(15);
/// Rows of a report that are forgotten at a time.
const FORGET_BATCH: i64 = 10_000;

/// Goes on with an import.
pub async fn run_import(app: &Catalog, call: &RequestContext, key: &str) -> Result<(), Fault> {
    let Ok(id) = key.parse::<ImportId>() else { return Ok(()) };
    let Some(status) = look(app, call, id).await? else { return Ok(()) };
    if status != ImportStatus::Running {
        return Ok(());
    }
    let end = Instant::now() + TURN;
    while Instant::now() < end {
        // A chunk goes to the catalogue while the one before it goes to pricing and inventory.
        let (applied, pushed) = futures::join!(apply_next(app, call, id), push_next(app, call, id));
        if !applied? && !pushed? {
            return complete(app, call, id).await;
        }
        app.freshness.changed(call.tenant);
    }
    let mut tx = app.db.write(call).await?;
    schedule(&mut tx, TIMER, key, app.host.platform_now(), &()).await?;
    tx.commit().await
}

/// Looks what is to be done, and sets the time at which another worker takes over should this one be killed.
async fn look(app: &Catalog, call: &RequestContext, id: ImportId) -> Result<Option<ImportStatus>, Fault> {
    let mut tx = app.db.write(call).await?;
    let Some(job) = import_lock(&mut tx, id).await? else { return Ok(None) };
    match job.import.status {
        ImportStatus::Running => schedule(&mut tx, TIMER, &id.to_string(), app.host.platform_now() + TAKEOVER, &()).await?,
        ImportStatus::Receiving if job.import.updated_at + SILENCE < app.host.now(call.tenant) => {
            fail(app, call, &mut tx, id, "upload_interrupted").await?;
        }
        ImportStatus::Receiving => schedule(&mut tx, TIMER, &id.to_string(), app.host.platform_now() + SILENCE, &()).await?,
        ImportStatus::Completed | ImportStatus::Failed => {}
    }
    tx.commit().await?;
    Ok(Some(job.import.status))
}

async fn complete(app: &Catalog, call: &RequestContext, id: ImportId) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    let Some(job) = import_lock(&mut tx, id).await? else { return Ok(()) };
    if job.import.status == ImportStatus::Running {
        let now = app.host.now(call.tenant);
        import_status(&mut tx, id, ImportStatus::Completed, None, Some(now), now).await?;
        end(app, call, &mut tx, id).await?;
        bloom_events::cancel(&mut tx, TIMER, &id.to_string()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Ends an import that was never wholly received.
pub async fn fail(app: &Catalog, call: &RequestContext, tx: &mut TenantTx, id: ImportId, why: &str) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    import_status(tx, id, ImportStatus::Failed, Some(why), Some(now), now).await?;
    chunk_drop(tx, id).await?;
    end(app, call, tx, id).await
}

/// Tells that an import has ended, and sets the time when it is forgotten.
async fn end(app: &Catalog, call: &RequestContext, tx: &mut TenantTx, id: ImportId) -> Result<(), Fault> {
    let job = import_get(tx, id).await?.ok_or_else(|| Fault::not_found("import"))?;
    let until = app.host.platform_now() + TimeDelta::days(RETENTION_DAYS);
    schedule(tx, FORGET_TIMER, &id.to_string(), until, &()).await?;
    tell_import(tx, &app.host, call, &job.import).await
}

/// Forgets an import and its report.
pub async fn forget_import(app: &Catalog, call: &RequestContext, key: &str) -> Result<(), Fault> {
    let Ok(id) = key.parse::<ImportId>() else { return Ok(()) };
    loop {
        let mut tx = app.db.write(call).await?;
        let more = error_forget(&mut tx, id, FORGET_BATCH).await?;
        if !more {
            import_forget(&mut tx, id).await?;
        }
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
