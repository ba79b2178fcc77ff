//! Query parameters.

use std::borrow::Cow;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::FromRequestParts;
use bloom_fault::{Code, Fault, Violation, ViolationCode};
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::schema::InputSchema;
use crate::violations::step;

/// Query parameters as `T`; unknown and ill-typed ones are refused (400) by name. A list, whose name ends in `[]`, may
/// be comma-separated or repeat the name.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + 'static, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Parses a query string as `T`.
pub(crate) fn parse_query<T: DeserializeOwned + JsonSchema + 'static>(query: &str) -> Result<T, Fault> {
    let query = listed(query);
    let pairs = form_urlencoded::parse(query.as_bytes());
    if let Some((name, _)) = pairs.clone().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
        let message = "Leave out the character NUL; nothing that is stored holds it.";
        return Err(refused([violation(name, ViolationCode::Pattern, message)]));
    }
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map_err(|error| {
        let found = violations::<T>(pairs);
        if found.is_empty() { refused([unexplained::<T>(&error)]) } else { refused(found) }
    })
}

/// Splits a query string into the parameters with these names and the others.
pub(crate) fn split_query(query: &str, names: &[&str]) -> (String, String) {
    let parameters = form_urlencoded::parse(query.as_bytes());
    let (chosen, others): (Vec<_>, Vec<_>) = parameters.partition(|(name, _)| names.contains(&&**name));
    let write =
        |pairs: Vec<(Cow<'_, str>, Cow<'_, str>)>| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    (write(chosen), write(others))
}

fn refused(violations: impl IntoIterator<Item = Violation>) -> Fault {
    let fault = Fault::new(Code::Invalid, "query_invalid", "The query string is not valid; see errors.");
    violations.into_iter().fold(fault, |fault, next| fault.at(next.pointer, next.code, next.message))
}

fn violation(name: impl Into<String>, code: ViolationCode, message: &str) -> Violation {
    Violation { pointer: name.into(), code: code.into(), message: message.to_owned() }
}

/// All violations of a query by the published schema of `T`. Values are texts, so numbers and booleans are parsed
/// first.
fn violations<'q, T: JsonSchema + 'static>(pairs: impl Iterator<Item = (Cow<'q, str>, Cow<'q, str>)>) -> Vec<Violation> {
    let schema = InputSchema::of::<T>();
    let mut found = Vec::new();
    let mut members = Map::new();
    for (name, value) in pairs {
        let value = typed(&value, schema.document(), &schema.document()["properties"][name.as_ref()]);
        if members.insert(name.clone().into_owned(), value).is_some() {
            found.push(violation(name, ViolationCode::Duplicate, "This is there twice."));
        }
    }
    let names: Vec<_> = members.keys().map(|name| (step(name), name.clone())).collect();
    for wrong in schema.violations(&Value::Object(members), names.len()) {
        // The pointer of a parameter is its name.
        let name = names.iter().find(|(pointer, _)| *pointer == wrong.pointer).map(|(_, name)| name.as_str());
        let name = name.unwrap_or_else(|| wrong.pointer.trim_start_matches('/')).to_owned();
        if !found.iter().any(|other| other.pointer == name) {
            found.push(Violation { pointer: name, ..wrong });
        }
    }
    found
}

/// Parses a parameter as the first type of its schema that accepts it.
fn typed(text: &str, document: &Value, schema: &Value) -> Value {
    let target = schema["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    let schema = target.unwrap_or(schema);
    let is = |wanted: &str| match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == wanted),
        kind => kind == wanted,
    };
    if is("array") {
        let items = text.split(',').filter(|item| !item.is_empty());
        return items.map(|item| typed(item, document, &schema["items"])).collect();
    }
    let number = || match text.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) if is("number") || text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().and_then(Number::from_f64).map(Value::Number)
        }
        Err(_) => None,
    };
    let read = match text {
        _ if is("integer") || is("number") => number(),
        "true" | "false" if is("boolean") => Some((text == "true").into()),
        _ => None,
    };
    read.unwrap_or_else(|| text.into())
}

/// Merges each list: the values of a name that ends in `[]`, joined by commas.
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

/// Serde refuses a query that the schema accepts: a defect in the type.
fn unexplained<T>(error: &serde_path_to_error::Error<serde_urlencoded::de::Error>) -> Violation {
    let kind = std::any::type_name::<T>();
    tracing::warn!(input = kind, %error, "a query is refused that its schema allows");
    let name = match error.path().iter().next() {
        Some(serde_path_to_error::Segment::Map { key }) => key.as_str(),
        _ => "",
    };
    violation(name, ViolationCode::Type, "This value is not allowed here.")
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        describe::<T>(ctx, operation);
    }
}

/// Adds the fields of `T` to an operation as query parameters.
pub(crate) fn describe<T: JsonSchema>(ctx: &mut GenContext, operation: &mut Operation) {
    let schema = crate::openapi::input(ctx, |ctx| T::json_schema(&mut ctx.schema));
    let parameters = parameters_from_schema(ctx, schema, ParamLocation::Query);
    add_parameters(ctx, operation, parameters);
}
