//! NDJSON bodies of any length, which are read and written as streams.

use std::marker::PhantomData;

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, Response as ResponseDoc, SchemaObject};
use aide::{OperationInput, OperationOutput};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bloom_fault::{Code, Fault};
use bytes::Bytes;
use futures::TryStream;
use http::header;
use schemars::JsonSchema;

pub(crate) const CONTENT_TYPE: &str = "application/x-ndjson";

/// An NDJSON request body whose lines are of type `T`. The handler reads the stream and parses the lines.
pub struct Lines<T> {
    /// The body.
    pub body: Body,
    shape: PhantomData<fn() -> T>,
}

impl<T, S: Send + Sync> FromRequest<S> for Lines<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if ![CONTENT_TYPE, "application/jsonl", "application/ndjson"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            let detail = format!("Send one JSON object per line with the header Content-Type: {CONTENT_TYPE}.");
            return Err(Fault::new(Code::UnsupportedMedia, "content_type_unsupported", detail));
        }
        Ok(Self { body: request.into_body(), shape: PhantomData })
    }
}

impl<T: JsonSchema> OperationInput for Lines<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let content = [(CONTENT_TYPE.to_owned(), crate::openapi::input(ctx, lines_of::<T>))].into();
        operation.request_body = Some(ReferenceOr::Item(RequestBody { content, required: true, ..RequestBody::default() }));
    }
}

/// An NDJSON reply whose lines are of type `T`, downloaded as a file.
pub struct LinesReply<T> {
    name: String,
    body: Body,
    shape: PhantomData<fn() -> T>,
}

impl<T> LinesReply<T> {
    /// A file of this name from a stream of whole lines.
    pub fn new(name: String, lines: impl TryStream<Ok = Bytes, Error = Fault> + Send + 'static) -> Self {
        Self { name, body: Body::from_stream(lines), shape: PhantomData }
    }
}

impl<T> IntoResponse for LinesReply<T> {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, CONTENT_TYPE.to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.name)),
        ];
        (headers, self.body).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for LinesReply<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<ResponseDoc> {
        crate::openapi::begin(ctx);
        Some(ResponseDoc {
            description: "One JSON object per line.".to_owned(),
            content: [(CONTENT_TYPE.to_owned(), lines_of::<T>(ctx))].into(),
            ..ResponseDoc::default()
        })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        Self::operation_response(ctx, operation).map(|response| (Some(200), response)).into_iter().collect()
    }
}

fn lines_of<T: JsonSchema>(ctx: &mut GenContext) -> MediaType {
    let json_schema = ctx.schema.subschema_for::<T>();
    MediaType { schema: Some(SchemaObject { json_schema, example: None, external_docs: None }), ..MediaType::default() }
}
