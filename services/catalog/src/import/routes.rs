//! `/v1/catalog/imports`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ImportId;
use bloom_runtime::RequestContext;
use bloom_web::{Accepted, Caller, Doc, Lines, LinesReply, List, NoFilter, Page, Path, Reply, Routes};
use bytes::Bytes;
use futures::stream;

use super::line::ImportLine;
use super::model::{Import, LineError};
use super::receive::receive_import;
use super::store::{error_list, import_get, import_list};
use crate::{Catalog, CatalogWrite};

/// Errors of a report that are read at a time.
const REPORT_BATCH: i64 = 1_000;

pub(crate) fn routes() -> Routes<Catalog> {
    let import = Doc::new("Import products with prices and stock, one JSON object per line").describe(
        "The body is NDJSON of any size; it is spooled while it arrives. Products are found by external_id, or else by the SKUs \
         of their variants. A line is applied as a whole or not at all; the report lists the errors of those that are not. A line's \
         prices and stock are passed on after its product is saved: should pricing or inventory refuse them then, the report names \
         them and says that the product was saved.",
    );
    Routes::new("/v1/catalog/imports")
        .post("import_create", import, create)
        .get("import_list", "List imports, newest first", list)
        .at("/{import_id}")
        .get("import_get", "Get the progress of an import", get)
        .at("/{import_id}/report")
        .get("import_report", "Download the report of an import: the errors of its lines", report)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    lines: Lines<ImportLine>,
) -> Result<Accepted<Import>, Fault> {
    receive_import(&app, &caller, lines.body).await
}

/// An import makes progress without a change of its version, so it has no `ETag`.
async fn get(State(app): State<Catalog>, caller: Caller<CatalogWrite>, Path(id): Path<ImportId>) -> Result<Reply<Import>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let job = import_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(Reply::ok(job.import))
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Import>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = import_list(&mut conn, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |import| import.id))
}

async fn report(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ImportId>,
) -> Result<LinesReply<LineError>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    import_get(&mut conn, id).await?.ok_or_else(not_found)?;
    drop(conn);
    let start = Some((app, RequestContext::clone(&caller), (0, 0)));
    let batches = stream::try_unfold(start, move |state| async move {
        let Some((app, context, after)) = state else { return Ok::<_, Fault>(None) };
        let (text, after) = batch(&app, &context, id, after).await?;
        Ok((!text.is_empty()).then(|| (Bytes::from(text), after.map(|after| (app, context, after)))))
    });
    Ok(LinesReply::new(format!("{id}.ndjson"), batches))
}

/// One batch of a report, and the position after it.
async fn batch(
    app: &Catalog,
    context: &RequestContext,
    id: ImportId,
    after: (i64, i32),
) -> Result<(String, Option<(i64, i32)>), Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let rows = error_list(&mut conn, id, after, REPORT_BATCH).await?;
    let mut text = String::new();
    for (_, error) in &rows {
        text.push_str(&serde_json::to_string(error).map_err(Fault::internal)?);
        text.push('\n');
    }
    let full = i64::try_from(rows.len()) == Ok(REPORT_BATCH);
    Ok((text, rows.last().filter(|_| full).map(|(nr, error)| (error.line, *nr))))
}

fn not_found() -> Fault {
    Fault::not_found("import")
}
