//! A reply whose JSON text is already complete.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as ResponseDoc};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use schemars::JsonSchema;
use std::marker::PhantomData;

/// JSON text that was built without going through `T` but is described as `T`: hot lists concatenate stored documents.
pub struct RawJson<T> {
    /// The complete body.
    pub text: String,
    /// `ETag` with its quotes, if the reply has one.
    pub etag: Option<String>,
    shape: PhantomData<fn() -> T>,
}

impl<T> RawJson<T> {
    /// A complete body.
    pub fn new(text: String) -> Self {
        Self { text, etag: None, shape: PhantomData }
    }

    /// Adds an `ETag`, quotes included.
    #[must_use]
    pub fn etag(mut self, etag: String) -> Self {
        self.etag = Some(etag);
        self
    }
}

impl<T> IntoResponse for RawJson<T> {
    fn into_response(self) -> Response {
        let mut response = ([(header::CONTENT_TYPE, "application/json")], self.text).into_response();
        if let Some(Ok(etag)) = self.etag.map(|etag| HeaderValue::from_str(&etag)) {
            response.headers_mut().insert(header::ETAG, etag);
        }
        response
    }
}

impl<T: JsonSchema> OperationOutput for RawJson<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        crate::openapi::begin(ctx);
        <axum::Json<T> as OperationOutput>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        <axum::Json<T> as OperationOutput>::inferred_responses(ctx, operation)
    }
}
