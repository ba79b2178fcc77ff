//! Documents the error statuses of each operation instead of one default response.

use std::collections::BTreeSet;

use bloom_fault::Code;
use bloom_fault::http::PROBLEM_JSON;
use serde_json::{Map, Value, json};

use super::{REFUSES, each_reference};

/// Errors of any request.
const ALWAYS: [Code; 4] = [Code::Invalid, Code::Unauthenticated, Code::Forbidden, Code::RateLimited];
/// Errors of a request whose path names a resource.
const OF_A_PLACE: [Code; 1] = [Code::NotFound];
/// Errors of a write: something it refers to may be unknown, the change may be impossible.
const OF_A_WRITE: [Code; 4] = [Code::NotFound, Code::Conflict, Code::Gone, Code::Unprocessable];
/// Errors of a request with a body.
const OF_A_BODY: [Code; 3] = [Code::Timeout, Code::TooLarge, Code::UnsupportedMedia];
/// Errors of a conditional request.
const OF_A_VERSION: [Code; 2] = [Code::PreconditionFailed, Code::PreconditionRequired];

/// Failures of the platform.
const FAILED: &str = "5XX";

/// Replaces the response `default` by one for each possible status of the operation.
pub(super) fn document(method: &str, operation: &mut Value) {
    let has = |place: &str, name: Option<&str>| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters.into_iter().any(|parameter| parameter["in"] == place && name.is_none_or(|name| parameter["name"] == name))
    };
    let mut codes = ALWAYS.to_vec();
    if has("path", None) {
        codes.extend(OF_A_PLACE);
    }
    if method != "get" {
        codes.extend(OF_A_WRITE);
    }
    if operation.get("requestBody").is_some() {
        codes.extend(OF_A_BODY);
    }
    if has("header", Some("If-Match")) {
        codes.extend(OF_A_VERSION);
    }
    let stated = operation.as_object_mut().and_then(|operation| operation.remove(REFUSES)).unwrap_or_default();
    let stated = stated.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let statuses = codes.iter().map(|code| code.status().as_str().to_owned()).chain(stated).chain([FAILED.to_owned()]);
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    if responses.remove("default").is_none() {
        return;
    }
    for status in statuses {
        let reference = json!({ "$ref": format!("#/components/responses/{}", name(&status)) });
        responses.entry(status).or_insert(reference);
    }
}

fn name(status: &str) -> String {
    format!("Problem{status}")
}

/// The responses that the paths refer to.
pub(super) fn components(paths: &mut Value) -> Map<String, Value> {
    let mut used = BTreeSet::new();
    each_reference(paths, &mut |reference| _ = used.insert(reference.rsplit('/').next().unwrap_or_default().to_owned()));
    let described = Code::ALL.iter().map(|code| (code.status().as_str().to_owned(), code.title()));
    let all = described.chain([(FAILED.to_owned(), "A failure on our side")]);
    all.map(|(status, title)| (name(&status), problem(title))).filter(|(name, _)| used.contains(name)).collect()
}

fn problem(title: &str) -> Value {
    json!({
        "description": format!("{title}."),
        "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}
