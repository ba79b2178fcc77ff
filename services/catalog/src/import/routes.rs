//! `/v1/catalog/imports`. The bodies of an upload and of a report are NDJSON, described by hand.

use aide::generate::{GenContext, in_context};
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, Response as ResponseDoc, SchemaObject};
use aide::{OperationInput, OperationOutput};
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use bloom_fault::{Code, Fault};
use bloom_kernel::ImportId;
use bloom_runtime::RequestContext;
use bloom_web::{Accepted, Caller, Doc, List, NoFilter, Page, Path, Reply, Routes};
use bytes::Bytes;
use futures::stream;
use http::header;
use schemars::JsonSchema;

use super::line::ImportLine;
use super::model::{Import, LineError};
use super::receive::receive_import;
use super::store::{error_list, import_get, import_list};
use crate::{Catalog, CatalogWrite};

/// Content type of imports and reports.
const NDJSON: &str = "application/x-ndjson";
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

/// A body of lines, each of them a `T`.
fn ndjson_of<T: JsonSchema>() -> MediaType {
    let json_schema = in_context(|ctx| ctx.schema.subschema_for::<T>());
    MediaType { schema: Some(SchemaObject { json_schema, example: None, external_docs: None }), ..MediaType::default() }
}

/// The body of an upload.
struct Lines(axum::body::Body);

impl<S: Send + Sync> FromRequest<S> for Lines {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if ![NDJSON, "application/jsonl", "application/ndjson"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            let detail = format!("Send the products as NDJSON with the header Content-Type: {NDJSON}.");
            return Err(Fault::new(Code::UnsupportedMedia, "content_type_unsupported", detail));
        }
        Ok(Self(request.into_body()))
    }
}

impl OperationInput for Lines {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let content = [(NDJSON.to_owned(), ndjson_of::<ImportLine>())].into();
        let body = RequestBody { content, required: true, ..RequestBody::default() };
        operation.request_body = Some(ReferenceOr::Item(body));
    }
}

/// The lines of a report.
struct Report(Response);

impl IntoResponse for Report {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Report {
    type Inner = LineError;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<ResponseDoc> {
        Some(ResponseDoc {
            description: "One JSON object per line, ordered by line of the import.".to_owned(),
            content: [(NDJSON.to_owned(), ndjson_of::<LineError>())].into(),
            ..ResponseDoc::default()
        })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        Self::operation_response(ctx, operation).map(|response| (Some(200), response)).into_iter().collect()
    }
}

async fn create(State(app): State<Catalog>, caller: Caller<CatalogWrite>, Lines(body): Lines) -> Result<Accepted<Import>, Fault> {
    receive_import(&app, &caller, body).await
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

async fn report(State(app): State<Catalog>, caller: Caller<CatalogWrite>, Path(id): Path<ImportId>) -> Result<Report, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    import_get(&mut conn, id).await?.ok_or_else(not_found)?;
    drop(conn);
    let start = Some((app, RequestContext::clone(&caller), (0, 0)));
    let batches = stream::try_unfold(start, move |state| async move {
        let Some((app, context, after)) = state else { return Ok::<_, Fault>(None) };
        let (text, after) = batch(&app, &context, id, after).await?;
        Ok((!text.is_empty()).then(|| (Bytes::from(text), after.map(|after| (app, context, after)))))
    });
    let headers = [
        (header::CONTENT_TYPE, NDJSON.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.ndjson\"")),
    ];
    Ok(Report((headers, axum::body::Body::from_stream(batches)).into_response()))
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
