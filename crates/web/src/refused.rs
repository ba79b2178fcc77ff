//! Why a JSON body was refused: where, by JSON Pointer, or by line and column when it is no JSON, and in the API's words.

use bloom_fault::{Code, Fault};
use schemars::JsonSchema;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::described::{Described, step};
use crate::words::{malformed, out_of_range, range_missed, words};

/// How the bytes of a text begin that some editors mark as UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The refusal of a body that is no `T`.
pub(super) fn refused<T: JsonSchema>(bytes: &[u8], error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let said = error.inner().to_string();
    let beyond = said.starts_with("number out of range");
    if error.inner().classify() != Category::Data && !beyond {
        return if bytes.starts_with(BYTE_ORDER_MARK) {
            not_json("The body is not valid JSON: it begins with a byte order mark. Send it without.")
        } else if bytes.trim_ascii().is_empty() {
            not_json("The body is empty. Send a JSON object.")
        } else {
            broken(error.inner())
        };
    }
    let description = Described::of::<T>();
    let body = serde_json::from_slice::<&RawValue>(bytes).ok();
    let place = body.and_then(|body| description.place(body, error.path()));
    let mut pointer = pointer(error.path());
    if let Some(below) = place.and_then(|place| description.misfit(place)) {
        pointer.push_str(&below);
    } else if let Some(name) = twice(&said) {
        pointer.push_str(&step(name));
    }
    let stated = || body.and_then(|body| description.range(body, &pointer));
    let message = match range_missed(&said) {
        Some(range) => out_of_range(stated().unwrap_or(range)),
        None if beyond => stated().map_or("is out of range".to_owned(), out_of_range),
        None => words(&said),
    };
    Fault::invalid(pointer, "invalid", message)
}

/// The refusal of a body that is no JSON from some place on.
pub(super) fn broken(error: &serde_json::Error) -> Fault {
    let (line, column, why) = (error.line(), error.column(), malformed(&error.to_string()));
    not_json(&format!("The body is not valid JSON at line {line}, column {column}: {why}."))
}

fn not_json(detail: &str) -> Fault {
    Fault::new(Code::Invalid, "json_malformed", detail)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.extend(["/", &index.to_string()]),
            Segment::Map { key } => pointer.push_str(&step(key)),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// The field of which serde says that it comes twice; it names the object that the field is in.
fn twice(said: &str) -> Option<&str> {
    said.strip_prefix("duplicate field `")?.split('`').next()
}
