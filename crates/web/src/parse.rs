//! Parses JSON as an input type. A valid text is parsed once, by serde. A text that serde refuses is validated against
//! the type's published schema to collect all errors.

use std::collections::{BTreeMap, HashSet};
use std::sync::{PoisonError, RwLock};

use bloom_fault::{Code, Fault, Violation, ViolationCode};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::reread::{Reread, reread};
use crate::schema::InputSchema;
use crate::strict::Strict;
use crate::violations::{VIOLATIONS_MAX, step};

/// The UTF-8 byte order mark that some editors add.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Parses a JSON object into `T`. The refusal lists every error with its JSON Pointer.
pub fn parse<T: DeserializeOwned + JsonSchema + 'static>(bytes: &[u8]) -> Result<T, Fault> {
    match read::<T>(bytes) {
        Ok(value) if InputSchema::of::<T>().is_buffered() => match refusal::<T>(bytes) {
            Some(fault) => Err(fault),
            None => Ok(value),
        },
        Ok(value) => Ok(value),
        Err(error) => Err(refusal::<T>(bytes).unwrap_or_else(|| unexplained::<T>(bytes, &error))),
    }
}

/// How serde and the published schema judge a JSON text, for tests that compare them.
#[derive(Debug)]
pub struct Judgement {
    /// Serde's result.
    pub read: Result<(), String>,
    /// The violations that the schema finds.
    pub violations: Vec<Violation>,
}

/// Judges a JSON text by serde and by the published schema of `T`.
///
/// # Errors
///
/// When the text is not JSON.
fn judge<T: DeserializeOwned + JsonSchema + 'static>(bytes: &[u8]) -> Result<Judgement, Fault> {
    let violations = refusal::<T>(bytes).map_or_else(Vec::new, |fault| fault.errors.clone());
    reread(bytes).map_err(|error| malformed(bytes, &error))?;
    // Parts that serde buffers before parsing them are judged by the schema as well.
    let read = match read::<T>(bytes) {
        Ok(_) if InputSchema::of::<T>().is_buffered() && !violations.is_empty() => Err("by its schema".to_owned()),
        read => read.map(drop).map_err(|error| error.to_string()),
    };
    Ok(Judgement { read, violations })
}

/// An input type of request bodies, for tests that compare serde and schema.
#[derive(Clone, Copy)]
pub struct Input {
    /// Its name in Rust.
    pub name: &'static str,
    /// The schema that refused bodies are validated against: the published one, with the ranges of its number formats.
    pub schema: fn() -> &'static Value,
    /// Judges a JSON text by serde and by the schema.
    pub judge: fn(&[u8]) -> Result<Judgement, Fault>,
}

impl Input {
    /// The input for a type.
    pub fn of<T: DeserializeOwned + JsonSchema + 'static>() -> Self {
        Self { name: std::any::type_name::<T>(), schema: || InputSchema::of::<T>().document(), judge: judge::<T> }
    }
}

static INPUTS: RwLock<BTreeMap<&'static str, Input>> = RwLock::new(BTreeMap::new());

/// Records the type of a route's request body.
pub(crate) fn note_input<T: DeserializeOwned + JsonSchema + 'static>() {
    let input = Input::of::<T>();
    INPUTS.write().unwrap_or_else(PoisonError::into_inner).insert(input.name, input);
}

/// The types of the request bodies of all routes in this process, by name.
pub fn inputs() -> Vec<Input> {
    INPUTS.read().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Strict(&mut json))?;
    json.end().map(|()| value)
}

/// All violations of a body; `None` if the schema finds none.
fn refusal<T: JsonSchema + 'static>(bytes: &[u8]) -> Option<Fault> {
    let Reread { value, nodes, violations } = match reread(bytes) {
        Ok(reread) => reread,
        Err(error) => return Some(malformed(bytes, &error)),
    };
    let found = InputSchema::of::<T>().violations(&value, nodes);
    let known: HashSet<_> = violations.iter().map(|violation| violation.pointer.clone()).collect();
    let others = found.into_iter().filter(|violation| !known.contains(&violation.pointer));
    let mut all = violations.into_iter().chain(others).take(VIOLATIONS_MAX);
    let first = all.next()?;
    let fault = Fault::invalid(first.pointer, first.code, first.message);
    Some(all.fold(fault, |fault, next| fault.at(next.pointer, next.code, next.message)))
}

/// Serde refuses a text that the schema accepts: a defect in the type.
fn unexplained<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Fault {
    let kind = std::any::type_name::<T>();
    // Serde's message may quote the value, which may be personal data.
    let (line, column) = (error.line(), error.column());
    tracing::warn!(input = kind, line, column, "an input is refused that its schema allows");
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize::<_, T>(Strict(&mut json));
    let pointer = read.err().map_or(String::new(), |error| pointer(error.path()));
    Fault::invalid(pointer, ViolationCode::Type, "This value is not allowed here.")
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => step(key),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

/// The refusal of a body that is not JSON.
fn malformed(bytes: &[u8], error: &serde_json::Error) -> Fault {
    let detail = if bytes.starts_with(BYTE_ORDER_MARK) {
        "The body is not valid JSON: it begins with a byte order mark. Send it without.".to_owned()
    } else if bytes.trim_ascii().is_empty() {
        "The body is empty. Send a JSON object.".to_owned()
    } else {
        format!("The body is not valid JSON: {error}.")
    };
    Fault::new(Code::Invalid, "json_malformed", detail)
}
