//! Ids in a path.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::FromRequestParts;
use bloom_fault::Fault;
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// OpenAPI extension that holds the schemas of an operation's path parameters, in order, until their names are known.
pub const PATH_TYPES: &str = "x-path-types";

/// Path parameters: one id or a tuple of them. A malformed id is answered exactly as an unknown one.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Fault::not_found("resource")),
        }
    }
}

impl<T: JsonSchema> OperationInput for Path<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = crate::openapi::input(ctx, |ctx| ctx.schema.subschema_for::<T>());
        operation.extensions.insert(PATH_TYPES.to_owned(), schema.to_value());
    }
}
