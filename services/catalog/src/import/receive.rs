//! `POST /v1/catalog/imports`: spools the body while it arrives, with one chunk in memory at a time.

use axum::body::{Body, HttpBody as _};
use bloom_db::idempotency;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ImportId, ViolationCode};
use bloom_runtime::RequestContext;
use bloom_web::Accepted;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::finish::fail;
use super::model::{Import, ImportStatus, LINE_BYTES_MAX, LineError, TIMER, UPLOAD_TIMEOUT};
use super::splitter::{Chunk, Splitter};
use super::store::{
    chunk_insert, error_insert, import_by_key, import_digest, import_drop_key, import_get, import_insert, import_received,
    import_set_digest, import_status,
};
use crate::Catalog;

/// Spools an import and starts it.
pub(crate) async fn receive_import(app: &Catalog, context: &RequestContext, body: Body) -> Result<Accepted<Import>, Fault> {
    if let Some((known, digest)) = earlier(app, context).await? {
        check_same(&known, digest, body).await?;
        return Ok(Accepted::new(known).repeated());
    }
    let id = begin(app, context).await?;
    let mut spool = Spool { app, context, id, bytes: 0, lines: 0, chunks: 0, sum: Sha256::new() };
    match spool.read(body).await {
        Ok(()) => spool.finish().await,
        Err(fault) => {
            // Should this fail too, the timer does it.
            let _ = interrupt(app, context, id).await;
            Err(fault)
        }
    }
}

/// The import of an earlier request with the same key, and the digest of its body.
async fn earlier(app: &Catalog, context: &RequestContext) -> Result<Option<(Import, Option<Vec<u8>>)>, Fault> {
    let Some(key) = &context.idempotency_key else { return Ok(None) };
    let mut tx = app.db.write(context).await?;
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
        ImportStatus::Receiving => Err(idempotency::in_progress()),
    }
}

/// Refuses another body under a used key: replying with the first import would silently lose it. Stores nothing.
async fn check_same(known: &Import, digest: Option<Vec<u8>>, mut body: Body) -> Result<(), Fault> {
    let length = body.size_hint();
    let may_fit = |least: u64| i64::try_from(least).is_ok_and(|least| least <= known.bytes);
    if !may_fit(length.lower()) || length.exact().is_some_and(|exact| i64::try_from(exact) != Ok(known.bytes)) {
        return Err(idempotency::reused());
    }
    let (mut bytes, mut sum) = (0_i64, Sha256::new());
    while let Some(data) = next_data(&mut body).await? {
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
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Fault> {
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

async fn begin(app: &Catalog, context: &RequestContext) -> Result<ImportId, Fault> {
    let upload_end = app.context.platform_now() + UPLOAD_TIMEOUT;
    app.db
        .transaction(context, async |tx| {
            let import = Import::new(tx.new_id(), tx.now());
            import_insert(tx, &import, context.idempotency_key.as_deref()).await?;
            tx.schedule(TIMER, &import.id.to_string(), upload_end, &());
            Ok(import.id)
        })
        .await
}

struct Spool<'a> {
    app: &'a Catalog,
    context: &'a RequestContext,
    id: ImportId,
    bytes: i64,
    lines: i64,
    chunks: i32,
    sum: Sha256,
}

impl Spool<'_> {
    async fn read(&mut self, mut body: Body) -> Result<(), Fault> {
        let mut splitter = Splitter::default();
        while let Some(data) = next_data(&mut body).await? {
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
            code: ViolationCode::Length.into(),
            message: format!("The line is longer than {LINE_BYTES_MAX} bytes."),
        });
        let errors: Vec<LineError> = overlong.collect();
        let (id, seq) = (self.id, self.chunks);
        self.chunks += 1;
        self.lines += i64::from(chunk.lines);
        let received = (self.bytes, self.lines, self.chunks, i64::try_from(errors.len()).unwrap_or_default());
        self.app
            .db
            .transaction(self.context, async |tx| {
                chunk_insert(tx, id, seq, chunk).await?;
                error_insert(tx, id, &errors).await?;
                let now = tx.now();
                if import_received(tx, id, received, now).await? { Ok(()) } else { Err(interrupted()) }
            })
            .await
    }

    async fn finish(self) -> Result<Accepted<Import>, Fault> {
        let (id, digest) = (self.id, self.sum.finalize());
        let received = (self.bytes, self.lines, self.chunks, 0);
        let platform_now = self.app.context.platform_now();
        let finished = self.app.db.transaction(self.context, async |tx| {
            let now = tx.now();
            if !import_received(tx, id, received, now).await? {
                return Err(interrupted());
            }
            import_set_digest(tx, id, &digest).await?;
            import_status(tx, id, ImportStatus::Running, None, None, now).await?;
            tx.schedule(TIMER, &id.to_string(), platform_now, &());
            let job = import_get(tx, id).await?.ok_or_else(|| Fault::not_found("import"))?;
            tx.publish(&job.import);
            Ok(job.import)
        });
        Ok(Accepted::new(finished.await?))
    }
}

fn interrupted() -> Fault {
    Fault::new(Code::Conflict, "upload_interrupted", "The upload paused for too long. Send it again.")
}

/// Ends an import whose upload was interrupted.
async fn interrupt(app: &Catalog, context: &RequestContext, id: ImportId) -> Result<(), Fault> {
    app.db.transaction(context, async |tx| fail(tx, id, "upload_interrupted").await).await
}
