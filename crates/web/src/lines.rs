//! Bodies of several JSON documents, one per line (NDJSON). They are streamed, so that they may have any size.

use std::marker::PhantomData;

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody, Response as ResponseDoc, SchemaObject};
use aide::operation::set_body;
use aide::{OperationInput, OperationOutput};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bloom_fault::{Code, Fault};
use http::header;
use schemars::JsonSchema;

/// The content type that the API description names.
pub(crate) const NDJSON: &str = "application/x-ndjson";
/// Names of the same in use.
const SYNONYMS: [&str; 2] = ["application/jsonl", "application/ndjson"];

/// A request body whose lines are a `T` each. Another content type is refused (415).
pub struct Lines<T> {
    /// The body as it arrives.
    pub body: Body,
    shape: PhantomData<fn() -> T>,
}

impl<T, S: Send + Sync> FromRequest<S> for Lines<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !SYNONYMS.iter().chain([&NDJSON]).any(|known| essence.eq_ignore_ascii_case(known)) {
            let detail = format!("Send one JSON object per line with the header Content-Type: {NDJSON}.");
            return Err(Fault::new(Code::UnsupportedMedia, "content_type_unsupported", detail));
        }
        Ok(Self { body: request.into_body(), shape: PhantomData })
    }
}

impl<T: JsonSchema> OperationInput for Lines<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let media = crate::openapi::input(ctx, lines_of::<T>);
        let content = [(NDJSON.to_owned(), media)].into();
        set_body(ctx, operation, RequestBody { content, required: true, ..RequestBody::default() });
    }
}

/// A reply whose lines are a `T` each, for clients to keep as a file.
pub struct LinesReply<T> {
    body: Body,
    file: String,
    shape: PhantomData<fn() -> T>,
}

impl<T> LinesReply<T> {
    /// The body as it is made, and the name of the file.
    pub fn new(body: Body, file: String) -> Self {
        Self { body, file, shape: PhantomData }
    }
}

impl<T> IntoResponse for LinesReply<T> {
    fn into_response(self) -> Response {
        let disposition = format!("attachment; filename=\"{}\"", self.file);
        ([(header::CONTENT_TYPE, NDJSON.to_owned()), (header::CONTENT_DISPOSITION, disposition)], self.body).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for LinesReply<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<ResponseDoc> {
        crate::openapi::begin(ctx);
        let content = [(NDJSON.to_owned(), lines_of::<T>(ctx))].into();
        Some(ResponseDoc { description: "One JSON object per line.".to_owned(), content, ..ResponseDoc::default() })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        Self::operation_response(ctx, operation).map(|response| (Some(200), response)).into_iter().collect()
    }
}

/// The schema of a line; the finished description makes it a text of such lines.
fn lines_of<T: JsonSchema>(ctx: &mut GenContext) -> MediaType {
    let json_schema = ctx.schema.subschema_for::<T>();
    MediaType { schema: Some(SchemaObject { json_schema, example: None, external_docs: None }), ..MediaType::default() }
}
