//! Extractors for headers that a domain defines. A contract declares them, because several services read them.

use aide::openapi::{Operation, ReferenceOr};
use http::request::Parts;
use serde_json::json;

/// What [`header!`](crate::header!) expands to, so that its callers need not name `aide`.
#[doc(hidden)]
pub mod private {
    pub use aide::OperationInput;
    pub use aide::generate::GenContext;
    pub use aide::openapi::Operation;
    pub use axum::extract::FromRequestParts;
    pub use http::request::Parts;

    pub use super::{describe, text};
}

#[doc(hidden)]
pub fn text(parts: &Parts, name: &str) -> Option<String> {
    parts.headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[doc(hidden)]
pub fn describe(operation: &mut Operation, name: &str, description: &str) {
    let parameter = json!({ "in": "header", "name": name, "description": description, "schema": { "type": "string" } });
    operation.parameters.extend(serde_json::from_value(parameter).ok().map(ReferenceOr::Item));
}

/// Declares an extractor for an optional header: a struct that holds its text, with name and description for the API.
///
/// ```ignore
/// bloom_web::header! {
///     /// The token of a cart.
///     pub struct CartToken = "Bloom-Cart-Token", "Token of the cart; needed with a publishable key.";
/// }
/// ```
#[macro_export]
macro_rules! header {
    ($(#[$meta:meta])* $vis:vis struct $name:ident = $header:literal, $description:literal;) => {
        $(#[$meta])*
        $vis struct $name(Option<String>);

        impl<S: Send + Sync> $crate::private::FromRequestParts<S> for $name {
            type Rejection = ::std::convert::Infallible;

            async fn from_request_parts(parts: &mut $crate::private::Parts, _: &S) -> Result<Self, Self::Rejection> {
                Ok(Self($crate::private::text(parts, $header)))
            }
        }

        impl $crate::private::OperationInput for $name {
            fn operation_input(_: &mut $crate::private::GenContext, operation: &mut $crate::private::Operation) {
                $crate::private::describe(operation, $header, $description);
            }
        }
    };
}
