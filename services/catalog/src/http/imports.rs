//! `/v1/catalog/imports`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::openapi::{MediaType, ReferenceOr, RequestBody, Response as ResponseDoc, SchemaObject};
use aide::transform::TransformOperation;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bloom_fault::{Code, Fault};
use bloom_kernel::ImportId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, Path, Query};
use bloom_web::{page::Page, page::PageQuery};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, header};

use super::CatalogWrite;
use crate::Catalog;
use crate::domain::import::{Import, LineError};
use crate::domain::import_line::ImportLine;
use crate::ops::import::receive::receive_import;
use crate::store::import::{error_list, import_get, import_list};

/// Content type of imports and reports.
const NDJSON: &str = "application/x-ndjson";
/// Lines of a report read at a time.
const REPORT_BATCH: i64 = 1_000;

pub(super) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/imports",
            post_with(create, import_doc).get_with(list, doc("import_list", "List imports, newest first")),
        )
        .api_route("/v1/catalog/imports/{id}", get_with(fetch, doc("import_get", "Get the progress of an import")))
        .api_route("/v1/catalog/imports/{id}/report", get_with(report, report_doc))
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

/// A body of lines, each of which is a `T`.
fn ndjson_of<T: schemars::JsonSchema>() -> MediaType {
    let json_schema = aide::generate::in_context(|ctx| ctx.schema.subschema_for::<T>());
    MediaType { schema: Some(SchemaObject { json_schema, example: None, external_docs: None }), ..MediaType::default() }
}

fn import_doc(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let mut op = doc("import_create", "Import products with prices and stock, one JSON object a line")(op).description(
        "The body is NDJSON of any size; it is spooled while it arrives. Products are found by external_id, or else by the SKUs \
         of their variants. Good lines are applied, bad ones are listed in the report. \
         A line's product is saved before its prices and its stock are told: where only these are refused, the report names them, \
         and the product stands without them.",
    );
    let body = RequestBody {
        content: [(NDJSON.to_owned(), ndjson_of::<ImportLine>())].into(),
        required: true,
        ..RequestBody::default()
    };
    op.inner_mut().request_body = Some(ReferenceOr::Item(body));
    op
}

fn report_doc(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let mut op = doc("import_report", "Download the report of an import: what was wrong with which line")(op);
    let response = ResponseDoc {
        description: "One JSON object a line, by line of the import.".to_owned(),
        content: [(NDJSON.to_owned(), ndjson_of::<LineError>())].into(),
        ..ResponseDoc::default()
    };
    let responses = op.inner_mut().responses.get_or_insert_default();
    responses.responses.insert(aide::openapi::StatusCode::Code(200), ReferenceOr::Item(response));
    op
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply<Import, 202>, Fault> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if ![NDJSON, "application/jsonl", "application/ndjson"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        let detail = format!("Send the products as NDJSON with the header Content-Type: {NDJSON}.");
        return Err(Fault::new(Code::UnsupportedMedia, "content_type_unsupported", detail));
    }
    receive_import(&app, &caller, body).await
}

async fn fetch(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ImportId>,
) -> Result<Reply<Import>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let job = import_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("import"))?;
    Ok(Reply::ok(job.import))
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Import>>, Fault> {
    let before: Option<ImportId> = app.cursors.position(caller.tenant, b"imports", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = import_list(&mut conn, before, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"imports", query.limit, rows, |row| row.id)))
}

async fn report(State(app): State<Catalog>, caller: Caller<CatalogWrite>, Path(id): Path<ImportId>) -> Result<Response, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    import_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("import"))?;
    drop(conn);
    let start = Some((app, RequestContext::clone(&caller), (0, 0)));
    let batches = stream::try_unfold(start, move |state| async move {
        let Some((app, call, after)) = state else { return Ok::<_, Fault>(None) };
        let (text, after) = batch(&app, &call, id, after).await?;
        Ok((!text.is_empty()).then(|| (Bytes::from(text), after.map(|after| (app, call, after)))))
    });
    let headers = [
        (header::CONTENT_TYPE, NDJSON.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.ndjson\"")),
    ];
    Ok((headers, Body::from_stream(batches)).into_response())
}

/// Some lines of a report, and where it goes on.
async fn batch(
    app: &Catalog,
    call: &RequestContext,
    id: ImportId,
    after: (i64, i32),
) -> Result<(String, Option<(i64, i32)>), Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let rows = error_list(&mut conn, id, after, REPORT_BATCH).await?;
    let mut text = String::new();
    for (_, error) in &rows {
        text.push_str(&serde_json::to_string(error).map_err(Fault::internal)?);
        text.push('\n');
    }
    let full = i64::try_from(rows.len()) == Ok(REPORT_BATCH);
    Ok((text, rows.last().filter(|_| full).map(|(nr, error)| (error.line, *nr))))
}
