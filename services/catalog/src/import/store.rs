//! SQL of imports: jobs, spooled chunks, reports.

use bloom_db::TenantTx;
use bloom_kernel::{ImportId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Import, ImportStatus, LineError};
use super::splitter::Chunk;

struct Row {
    id: ImportId,
    status: String,
    failure: Option<String>,
    bytes: i64,
    lines: i64,
    chunks: i32,
    next_chunk: i32,
    lines_applied: i64,
    lines_failed: i64,
    products_created: i64,
    products_updated: i64,
    finished_at: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An import with the worker's own columns.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) import: Import,
    pub(crate) chunks: i32,
    /// The first chunk that is not applied yet.
    pub(crate) next_chunk: i32,
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        let import = Import {
            id: row.id,
            status: ImportStatus::of(&row.status),
            failure: row.failure,
            bytes: row.bytes,
            lines: row.lines,
            lines_processed: row.lines_applied,
            lines_failed: row.lines_failed,
            products_created: row.products_created,
            products_updated: row.products_updated,
            finished_at: row.finished_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        Self { import, chunks: row.chunks, next_chunk: row.next_chunk }
    }
}

/// Adds an import.
pub(crate) async fn import_insert(tx: &mut TenantTx, import: &Import, idempotency_key: Option<&str>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into import_job (tenant_id, id, idempotency_key, status, bytes, lines, chunks, next_chunk, lines_applied,
             lines_failed, products_created, products_updated, version, created_at, updated_at)
         values ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0, 0, 0, $5, $6, $6)",
        tx.tenant().uuid(),
        import.id.uuid(),
        idempotency_key,
        import.status.as_str(),
        import.version,
        import.created_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The import of an idempotency key.
pub(crate) async fn import_by_key(conn: &mut PgConnection, key: &str) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: ImportId", status, failure, bytes, lines, chunks, next_chunk, lines_applied, lines_failed,
                  products_created, products_updated, finished_at, version, created_at, updated_at
           from import_job where idempotency_key = $1"#,
        key,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// The digest of an upload, once it is complete.
pub(crate) async fn import_digest(conn: &mut PgConnection, id: ImportId) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("select digest from import_job where id = $1", id.uuid()).fetch_one(conn).await
}

/// Sets the digest of a complete upload.
pub(crate) async fn import_set_digest(conn: &mut PgConnection, id: ImportId, digest: &[u8]) -> sqlx::Result<()> {
    sqlx::query!("update import_job set digest = $2 where id = $1", id.uuid(), digest).execute(conn).await.map(drop)
}

/// Frees the key of a failed import for another try.
pub(crate) async fn import_drop_key(conn: &mut PgConnection, id: ImportId) -> sqlx::Result<()> {
    sqlx::query!("update import_job set idempotency_key = null where id = $1 and status = 'failed'", id.uuid())
        .execute(conn)
        .await
        .map(drop)
}

/// One import.
pub(crate) async fn import_get(conn: &mut PgConnection, id: ImportId) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: ImportId", status, failure, bytes, lines, chunks, next_chunk, lines_applied, lines_failed,
                  products_created, products_updated, finished_at, version, created_at, updated_at
           from import_job where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// One import, locked: one worker at a time works on it.
pub(crate) async fn import_lock(conn: &mut PgConnection, id: ImportId) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: ImportId", status, failure, bytes, lines, chunks, next_chunk, lines_applied, lines_failed,
                  products_created, products_updated, finished_at, version, created_at, updated_at
           from import_job where id = $1 for no key update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// Imports after a position, newest first.
pub(crate) async fn import_list(conn: &mut PgConnection, before: Option<ImportId>, limit: i64) -> sqlx::Result<Vec<Import>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: ImportId", status, failure, bytes, lines, chunks, next_chunk, lines_applied, lines_failed,
                  products_created, products_updated, finished_at, version, created_at, updated_at
           from import_job where id < $1 order by id desc limit $2"#,
        before.map_or(Uuid::max(), ImportId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Job::from(row).import).collect())
}

/// Adds a chunk that has arrived.
pub(crate) async fn chunk_insert(tx: &mut TenantTx, id: ImportId, seq: i32, chunk: &Chunk) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into import_chunk (tenant_id, import_id, seq, first_line, lines, body) values ($1, $2, $3, $4, $5, $6)",
        tx.tenant().uuid(),
        id.uuid(),
        seq,
        chunk.first_line,
        chunk.lines,
        chunk.body,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Sets how much has arrived. False when the import is no longer receiving.
pub(crate) async fn import_received(
    conn: &mut PgConnection,
    id: ImportId,
    (bytes, lines, chunks, failed): (i64, i64, i32, i64),
    now: Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update import_job set bytes = $2, lines = $3, chunks = $4, lines_failed = lines_failed + $5, updated_at = $6
         where id = $1 and status = 'receiving'",
        id.uuid(),
        bytes,
        lines,
        chunks,
        failed,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the status of an import.
pub(crate) async fn import_status(
    conn: &mut PgConnection,
    id: ImportId,
    status: ImportStatus,
    failure: Option<&str>,
    finished_at: Option<Timestamp>,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update import_job set status = $2, failure = $3, finished_at = $4, version = version + 1, updated_at = $5
         where id = $1",
        id.uuid(),
        status.as_str(),
        failure,
        finished_at,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A chunk whose lines are to be applied.
#[derive(Debug)]
pub(crate) struct SpooledChunk {
    pub(crate) seq: i32,
    /// Number of its first line.
    pub(crate) first_line: i64,
    pub(crate) lines: i32,
    pub(crate) body: Vec<u8>,
}

/// A chunk that is not applied yet.
pub(crate) async fn chunk_body(conn: &mut PgConnection, id: ImportId, seq: i32) -> sqlx::Result<Option<SpooledChunk>> {
    sqlx::query_as!(
        SpooledChunk,
        r#"select seq, first_line, lines, body as "body!" from import_chunk
           where import_id = $1 and seq = $2 and body is not null"#,
        id.uuid(),
        seq,
    )
    .fetch_optional(conn)
    .await
}

/// The first applied chunk whose prices and stock are still to be pushed.
pub(crate) async fn chunk_push(conn: &mut PgConnection, id: ImportId) -> sqlx::Result<Option<(i32, String)>> {
    let row = sqlx::query!(
        r#"select seq, push as "push!" from import_chunk where import_id = $1 and push is not null order by seq limit 1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.seq, row.push)))
}

/// Counts of an applied chunk.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) lines: i64,
    pub(crate) failed: i64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

/// The checkpoint of an applied chunk: drops its lines and keeps its prices and stock to be pushed.
pub(crate) async fn chunk_applied(
    conn: &mut PgConnection,
    id: ImportId,
    seq: i32,
    applied: &Applied,
    push: Option<&str>,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with gone as (delete from import_chunk where import_id = $1 and seq = $2 and $3::text is null),
         kept as (update import_chunk set body = null, push = $3 where import_id = $1 and seq = $2 and $3::text is not null)
         update import_job set next_chunk = $2 + 1, lines_applied = lines_applied + $4, lines_failed = lines_failed + $5,
             products_created = products_created + $6, products_updated = products_updated + $7, updated_at = $8
         where id = $1",
        id.uuid(),
        seq,
        push,
        applied.lines,
        applied.failed,
        applied.created,
        applied.updated,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The checkpoint of a pushed chunk. False when another worker was first.
pub(crate) async fn chunk_pushed(
    conn: &mut PgConnection,
    id: ImportId,
    seq: i32,
    failed: i64,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "with gone as (delete from import_chunk where import_id = $1 and seq = $2 returning seq)
         update import_job set lines_failed = lines_failed + $3, updated_at = $4
         where id = $1 and exists (select from gone)",
        id.uuid(),
        seq,
        failed,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes the chunks of a failed import.
pub(crate) async fn chunk_drop(conn: &mut PgConnection, id: ImportId) -> sqlx::Result<()> {
    sqlx::query!("delete from import_chunk where import_id = $1", id.uuid()).execute(conn).await.map(drop)
}

/// Adds errors of lines to the report.
pub(crate) async fn error_insert(tx: &mut TenantTx, id: ImportId, errors: &[LineError]) -> sqlx::Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    let lines: Vec<i64> = errors.iter().map(|error| error.line).collect();
    let pointers: Vec<String> = errors.iter().map(|error| error.pointer.clone()).collect();
    let codes: Vec<String> = errors.iter().map(|error| error.code.clone()).collect();
    let messages: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    sqlx::query!(
        "insert into import_error (tenant_id, import_id, line, nr, pointer, code, message)
         select $1, $2, line, row_number() over (partition by line order by ord), pointer, code, message
         from unnest($3::int8[], $4::text[], $5::text[], $6::text[]) with ordinality as e(line, pointer, code, message, ord)
         on conflict do nothing",
        tx.tenant().uuid(),
        id.uuid(),
        &lines,
        &pointers,
        &codes,
        &messages,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The report after a position.
pub(crate) async fn error_list(
    conn: &mut PgConnection,
    id: ImportId,
    after: (i64, i32),
    limit: i64,
) -> sqlx::Result<Vec<(i32, LineError)>> {
    let rows = sqlx::query!(
        "select line, nr, pointer, code, message from import_error
         where import_id = $1 and (line, nr) > ($2, $3) order by line, nr limit $4",
        id.uuid(),
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let error = |line, pointer, code, message| LineError { line, pointer, code, message };
    Ok(rows.into_iter().map(|row| (row.nr, error(row.line, row.pointer, row.code, row.message))).collect())
}

/// Deletes a batch of the report of an import. False when nothing was left.
pub(crate) async fn error_delete(conn: &mut PgConnection, id: ImportId, limit: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from import_error where import_id = $1 and (line, nr) in (
             select line, nr from import_error where import_id = $1 order by line, nr limit $2)",
        id.uuid(),
        limit,
    )
    .execute(conn)
    .await?;
    Ok(0 < done.rows_affected())
}

/// Deletes an import.
pub(crate) async fn import_delete(conn: &mut PgConnection, id: ImportId) -> sqlx::Result<()> {
    sqlx::query!("delete from import_job where id = $1", id.uuid()).execute(conn).await.map(drop)
}
