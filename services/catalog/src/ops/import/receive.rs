//! `POST /v1/catalog/imports`: spools the body while it arrives, one chunk in memory at a time.

use axum::body::{Body, HttpBody as _};
use bloom_db::idempotency;
use bloom_events::schedule;
use bloom_fault::{Code, Fault};
use bloom_kernel::ImportId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bytes::Bytes;
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::TIMER;
use crate::Catalog;
use crate::domain::import::{Import, ImportStatus, LINE_BYTES_MAX, LineError};
use crate::domain::import_split::{Chunk, Splitter};
use crate::events::tell_import;
use crate::store::import::{
    chunk_insert, error_insert, import_by_key, import_digest, import_digested, import_drop_key, import_get, import_insert,
    import_received, import_status,
};

/// An upload that brought nothing for so long counts as broken off.
pub const SILENCE: TimeDelta = TimeDelta::seconds(120);

/// Spools an import and sets it going.
pub async fn receive_import(app: &Catalog, call: &RequestContext, body: Body) -> Result<Reply<Import, 202>, Fault> {
    if let Some((known, digest)) = repeated(app, call).await? {
        check_same(&known, digest, body).await?;
        return Ok(Reply::accepted(known).repeated());
    }
    let id = begin(app, call).await?;
    let mut spool = Spool { app, call, id, bytes: 0, lines: 0, chunks: 0, sum: Sha256::new() };
    match spool.take(body).await {
        Ok(()) => spool.finish().await,
        Err(fault) => {
            // What was spooled is of no use. Should this fail too, the timer does it.
            let _ = give_up(app, call, id, "upload_interrupted").await;
            Err(fault)
        }
    }
}

/// The import that an earlier request with the same key began, and the digest of what it brought.
async fn repeated(app: &Catalog, call: &RequestContext) -> Result<Option<(Import, Option<Vec<u8>>)>, Fault> {
    let Some(key) = &call.idempotency_key else { return Ok(None) };
    let mut tx = app.db.write(call).await?;
    let Some(job) = import_by_key(&mut tx, key).await? else { return Ok(None) };
    match job.import.status {
        ImportStatus::Running | ImportStatus::Completed => {
            let digest = import_digest(&mut tx, job.import.id).await?;
            Ok(Some((job.import, digest)))
        }
        ImportStatus::Failed => {
            import_drop_key(&mut tx, job.import.id).await?;
            tx.commit().await?;
            Ok(None)
        }
        ImportStatus::Receiving => Err(in_progress()),
    }
}

/// Refuses another body under a used key: to answer with the first import would lose it unseen. Nothing of it is kept.
async fn check_same(known: &Import, digest: Option<Vec<u8>>, mut body: Body) -> Result<(), Fault> {
    let length = body.size_hint();
    let may_fit = |least: u64| i64::try_from(least).is_ok_and(|least| least <= known.bytes);
    if !may_fit(length.lower()) || length.exact().is_some_and(|exact| i64::try_from(exact) != Ok(known.bytes)) {
        return Err(idempotency::reused());
    }
    let (mut bytes, mut sum) = (0_i64, Sha256::new());
    while let Some(data) = arriving(&mut body).await? {
        bytes += i64::try_from(data.len()).unwrap_or_default();
        if known.bytes < bytes {
            return Err(idempotency::reused());
        }
        sum.update(&data);
    }
    let same = bytes == known.bytes && digest.is_none_or(|digest| digest == sum.finalize().as_slice());
    if same { Ok(()) } else { Err(idempotency::reused()) }
}

/// The next bytes of a body; nothing at its end.
async fn arriving(body: &mut Body) -> Result<Option<Bytes>, Fault> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Fault::new(Code::Invalid, "body_incomplete", "The body ended before it was complete.").source(error)
        })?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn in_progress() -> Fault {
    let detail = "An upload with this Idempotency-Key is still under way.";
    Fault::new(Code::Conflict, "idempotency_in_progress", detail).retry_after(1)
}

async fn begin(app: &Catalog, call: &RequestContext) -> Result<ImportId, Fault> {
    let now = app.host.now(call.tenant);
    let import = Import {
        id: app.host.id(call.tenant),
        status: ImportStatus::Receiving,
        failure: None,
        bytes: 0,
        lines: 0,
        lines_processed: 0,
        lines_failed: 0,
        products_created: 0,
        products_updated: 0,
        finished_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let mut tx = app.db.write(call).await?;
    import_insert(&mut tx, call.tenant, &import, call.idempotency_key.as_deref()).await.map_err(|error| {
        match bloom_fault::constraint(&error) {
            Some("import_job_idempotency_key") => in_progress(),
            _ => error.into(),
        }
    })?;
    schedule(&mut tx, TIMER, &import.id.to_string(), app.host.platform_now() + SILENCE, &()).await?;
    tx.commit().await?;
    Ok(import.id)
}

struct Spool<'a> {
    app: &'a Catalog,
    call: &'a RequestContext,
    id: ImportId,
    bytes: i64,
    lines: i64,
    chunks: i32,
    sum: Sha256,
}

impl Spool<'_> {
    async fn take(&mut self, mut body: Body) -> Result<(), Fault> {
        let mut splitter = Splitter::default();
        while let Some(data) = arriving(&mut body).await? {
            self.bytes += i64::try_from(data.len()).unwrap_or_default();
            self.sum.update(&data);
            for chunk in splitter.feed(&data) {
                self.store(&chunk).await?;
            }
        }
        match splitter.finish() {
            Some(chunk) => self.store(&chunk).await,
            None => Ok(()),
        }
    }

    async fn store(&mut self, chunk: &Chunk) -> Result<(), Fault> {
        let overlong = chunk.overlong.iter().map(|line| LineError {
            line: *line,
            pointer: String::new(),
            code: "line_too_long".to_owned(),
            message: format!("The line is longer than {LINE_BYTES_MAX} bytes."),
        });
        let errors: Vec<LineError> = overlong.collect();
        let mut tx = self.app.db.write(self.call).await?;
        chunk_insert(&mut tx, self.call.tenant, self.id, self.chunks, chunk).await?;
        error_insert(&mut tx, self.call.tenant, self.id, &errors).await?;
        self.chunks += 1;
        self.lines += i64::from(chunk.lines);
        let failed = i64::try_from(errors.len()).unwrap_or_default();
        let now = self.app.host.now(self.call.tenant);
        if !import_received(&mut tx, self.id, (self.bytes, self.lines, self.chunks, failed), now).await? {
            return Err(Fault::new(Code::Conflict, "upload_interrupted", "The upload was silent for too long. Send it again."));
        }
        tx.commit().await
    }

    async fn finish(self) -> Result<Reply<Import, 202>, Fault> {
        let mut tx = self.app.db.write(self.call).await?;
        let now = self.app.host.now(self.call.tenant);
        let totals = (self.bytes, self.lines, self.chunks, 0);
        if !import_received(&mut tx, self.id, totals, now).await? {
            return Err(Fault::new(Code::Conflict, "upload_interrupted", "The upload was silent for too long. Send it again."));
        }
        import_digested(&mut tx, self.id, &self.sum.finalize()).await?;
        import_status(&mut tx, self.id, ImportStatus::Running, None, None, now).await?;
        schedule(&mut tx, TIMER, &self.id.to_string(), self.app.host.platform_now(), &()).await?;
        let job = import_get(&mut tx, self.id).await?.ok_or_else(|| Fault::not_found("import"))?;
        tell_import(&mut tx, &self.app.host, self.call, &job.import).await?;
        tx.commit().await?;
        Ok(Reply::accepted(job.import))
    }
}

/// Ends an import whose upload broke off; nothing of it was applied.
pub async fn give_up(app: &Catalog, call: &RequestContext, id: ImportId, why: &str) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    super::run::fail(app, call, &mut tx, id, why).await?;
    tx.commit().await
}
