//! Faults over HTTP: RFC 9457 problem documents.

use std::sync::Arc;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as ApiResponse, SchemaObject};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fault, Violation};

/// Base URL of the documentation of reasons.
const TYPE_BASE: &str = "https://docs.bloomcommerceos.com/errors/";

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The fault behind a response, for the layer that writes the document and the log.
#[derive(Debug, Clone)]
pub struct FaultExt(pub Arc<Fault>);

impl IntoResponse for Fault {
    /// Returns the status with an empty body, because only the outermost layer knows the request id.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(FaultExt(Arc::new(self)));
        response
    }
}

/// Why a request was not answered as wished (RFC 9457).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// URI of the kind of problem; documentation lies there.
    pub r#type: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// What happened, for people.
    pub detail: String,
    /// Path of the request.
    pub instance: String,
    /// Machine word of the reason.
    pub code: String,
    /// Id under which we find the request.
    pub request_id: String,
    /// The fields and parameters at fault.
    pub errors: Vec<Violation>,
    /// The policy that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Maximum characters of each text of a document.
const TEXT_MAX: usize = 1_000;

/// The same answer for every id that cannot be read: unknown, of another tenant, or malformed.
const NOTHING_HERE: &str = "There is nothing under this id.";

/// The problem document of a fault.
pub fn problem(fault: &Fault, request_id: &str, instance: &str) -> serde_json::Value {
    let detail = if fault.reason == "not_found" { NOTHING_HERE } else { fault.public_detail() };
    let document = Problem {
        r#type: format!("{TYPE_BASE}{}", fault.reason),
        title: fault.code.title().to_owned(),
        status: fault.code.status().as_u16(),
        detail: clipped(detail),
        instance: instance.to_owned(),
        code: fault.reason.to_string(),
        request_id: request_id.to_owned(),
        errors: fault.errors.iter().map(in_short).collect(),
        policy: fault.policy.clone(),
    };
    // Strings and numbers under string keys always have a JSON form.
    serde_json::to_value(document).unwrap_or_default()
}

/// Truncates a sentence, which may quote a megabyte that the client sent.
fn clipped(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn in_short(Violation { pointer, code, message }: &Violation) -> Violation {
    Violation { pointer: clipped(pointer), code: code.clone(), message: clipped(message) }
}

impl OperationOutput for Fault {
    type Inner = Problem;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<ApiResponse> {
        let json_schema = ctx.schema.subschema_for::<Problem>();
        let schema = SchemaObject { json_schema, example: None, external_docs: None };
        let media = MediaType { schema: Some(schema), ..MediaType::default() };
        Some(ApiResponse {
            description: "The request was refused or failed.".to_owned(),
            content: std::iter::once((PROBLEM_JSON.to_owned(), media)).collect(),
            ..ApiResponse::default()
        })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ApiResponse)> {
        Self::operation_response(ctx, operation).map(|response| (None, response)).into_iter().collect()
    }
}
