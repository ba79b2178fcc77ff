//! A JSON request body.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRequest, Request};
use bloom_fault::{Code, Fault};
use http::header;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::parse::{note_input, parse};

/// Maximum size of a JSON body; bulk data goes through import.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// A JSON body as `T`. Errors name the field by JSON Pointer: malformed or ill-typed 400, wrong content type 415, too
/// large 413.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + 'static, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        // An absent body is read as an empty object: if fields are required, the errors name them.
        if content_type.is_empty() && request.body().is_end_stream() {
            return parse(b"{}").map(Self);
        }
        let essence = content_type.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Fault::new(
                Code::UnsupportedMedia,
                "content_type_unsupported",
                "Send the body as JSON with the header Content-Type: application/json.",
            ));
        }
        let body = Limited::new(request.into_body(), BODY_LIMIT).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Fault::new(Code::TooLarge, "body_too_large", format!("The body is larger than {BODY_LIMIT} bytes."))
            } else {
                Fault::new(Code::Invalid, "body_incomplete", "The body ended before it was complete.")
            }
        })?;
        parse(&body.to_bytes()).map(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> OperationInput for Json<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        note_input::<T>();
        crate::openapi::input(ctx, |ctx| axum::Json::<T>::operation_input(ctx, operation));
    }
}
