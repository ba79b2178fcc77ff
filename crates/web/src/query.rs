//! Query parameters.

use std::borrow::Cow;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::FromRequestParts;
use bloom_fault::{Code, Fault};
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::words::words;

/// Query parameters as `T`; unknown and ill-typed ones are refused (400) by name. A list, whose name ends in `[]`, may be
/// written with commas or by repeating the name.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Reads a query string as `T`.
pub(crate) fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Fault> {
    let query = listed(query);
    let pairs = form_urlencoded::parse(query.as_bytes());
    if let Some((name, _)) = pairs.clone().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(refused(name, "holds the character NUL, which nothing that is stored does"));
    }
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
        .map_err(|error| refused(parameter(&error), words(&error.into_inner().to_string())))
}

/// Splits a query string into the parameters of these names and the others.
pub(crate) fn split_query(query: &str, names: &[&str]) -> (String, String) {
    let (mut named, mut others) =
        (form_urlencoded::Serializer::new(String::new()), form_urlencoded::Serializer::new(String::new()));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let target = if names.contains(&&*name) { &mut named } else { &mut others };
        target.append_pair(&name, &value);
    }
    (named.finish(), others.finish())
}

fn refused(name: impl Into<String>, message: impl Into<String>) -> Fault {
    Fault::new(Code::Invalid, "query_invalid", "The query string is not valid; see errors.").at(name, "invalid", message)
}

/// The query with each list in one place: the values of a name that ends in `[]`, joined by commas.
fn listed(query: &str) -> String {
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match pairs.iter_mut().find(|(known, _)| name.ends_with("[]") && *known == name) {
            Some((_, values)) => values.to_mut().extend([",", &value]),
            None => pairs.push((name, value)),
        }
    }
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The parameter that an error is about. One that is missing or comes twice is named by serde's sentence alone.
fn parameter(error: &serde_path_to_error::Error<serde_urlencoded::de::Error>) -> String {
    match error.path().iter().next() {
        Some(serde_path_to_error::Segment::Map { key }) => key.clone(),
        _ => error.inner().to_string().split('`').nth(1).unwrap_or_default().to_owned(),
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        describe::<T>(ctx, operation);
    }
}

/// Adds the fields of `T` to an operation, as parameters of the query string.
pub(crate) fn describe<T: JsonSchema>(ctx: &mut GenContext, operation: &mut Operation) {
    let schema = crate::openapi::input(ctx, |ctx| T::json_schema(&mut ctx.schema));
    let parameters = parameters_from_schema(ctx, schema, ParamLocation::Query);
    add_parameters(ctx, operation, parameters);
}
