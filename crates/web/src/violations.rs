//! Translates validator errors into the API's terms: a pointer, a code and one sentence per field.

use std::collections::HashSet;

use bloom_fault::{Violation, ViolationCode};
use bloom_kernel::items::count_sentence;
use bloom_kernel::number::range_sentence;
use bloom_kernel::text;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

/// Maximum number of violations in one refusal.
pub(super) const VIOLATIONS_MAX: usize = 50;

/// A name or an index as a segment of a JSON Pointer.
pub(super) fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The violations found so far.
pub(super) struct Explain<'s> {
    schema: &'s Value,
    input: &'s Value,
    found: Vec<Violation>,
    pointers: HashSet<String>,
}

impl<'s> Explain<'s> {
    pub(super) fn new(schema: &'s Value, input: &'s Value) -> Self {
        Self { schema, input, found: Vec::new(), pointers: HashSet::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        VIOLATIONS_MAX <= self.found.len()
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.found
    }

    /// Adds the violation for a validator error. Of several errors at one pointer the first one counts.
    pub(super) fn add(&mut self, error: &ValidationError<'_>) {
        let at = error.instance_path().as_str();
        match error.kind() {
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                self.push(at.to_owned() + &step(name), ViolationCode::Required, "This is required.");
            }
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                let known = self.parent(error)["properties"].as_object();
                let known: Vec<_> = known.into_iter().flat_map(|known| known.keys()).map(String::as_str).collect();
                for name in unexpected {
                    if self.is_full() {
                        return;
                    }
                    self.push(at.to_owned() + &step(name), ViolationCode::UnknownField, unknown_sentence(&known));
                }
            }
            // An object without any properties takes none.
            Kind::FalseSchema => {
                let names = self.input.pointer(at).and_then(Value::as_object).into_iter().flat_map(|object| object.keys());
                for name in names {
                    self.push(at.to_owned() + &step(name), ViolationCode::UnknownField, "No field is known here.");
                }
            }
            Kind::PropertyNames { error: inner } => {
                let name = inner.instance().as_str().unwrap_or_default();
                let (code, sentence) = self.rule(inner);
                self.push(at.to_owned() + &step(name), code, format!("The key: {sentence}"));
            }
            _ if error.instance().is_null() => self.push(at.to_owned(), ViolationCode::Required, "This cannot be null."),
            Kind::OneOfNotValid { context } => self.one_of(error, context),
            Kind::AnyOf { context } => self.any_of(error, context),
            _ => {
                let (code, sentence) = self.rule(error);
                self.push(at.to_owned(), code, sentence);
            }
        }
    }

    fn push(&mut self, pointer: String, code: ViolationCode, message: impl Into<String>) {
        if !self.is_full() && self.pointers.insert(pointer.clone()) {
            self.found.push(Violation { pointer, code: code.into(), message: message.into() });
        }
    }

    /// The schema that contains the failed keyword.
    fn parent(&self, error: &ValidationError<'_>) -> &'s Value {
        let path = error.schema_path().as_str();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.pointer(parent).unwrap_or(&Value::Null)
    }

    /// The schema itself, or the one that it refers to.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let target = schema["$ref"].as_str().and_then(|reference| self.schema.pointer(reference.strip_prefix('#')?));
        target.unwrap_or(schema)
    }

    /// The violated rule of one keyword.
    fn rule(&self, error: &ValidationError<'_>) -> (ViolationCode, String) {
        let schema = self.parent(error);
        let bound = |keyword: &str| schema[keyword].as_u64().and_then(|bound| usize::try_from(bound).ok());
        match error.kind() {
            Kind::Enum { .. } | Kind::Constant { .. } => (ViolationCode::Unknown, choice_sentence(&choices(schema))),
            Kind::Format { format } => {
                let sentence = form_sentence(format).unwrap_or_else(|| format!("Give a text of the format {format}."));
                (ViolationCode::Format, sentence)
            }
            Kind::Pattern { pattern } => {
                let sentence = form_sentence(pattern).unwrap_or_else(|| format!("Give a text that matches {pattern}"));
                (ViolationCode::Pattern, sentence)
            }
            Kind::MinLength { .. } | Kind::MaxLength { .. } => {
                let sentence = match (bound("minLength").unwrap_or(0), bound("maxLength")) {
                    (min, Some(max)) => text::length_sentence(min, max),
                    (min, None) => format!("Give at least {min} characters."),
                };
                (ViolationCode::Length, sentence)
            }
            Kind::MinItems { .. } | Kind::MaxItems { .. } | Kind::MinProperties { .. } | Kind::MaxProperties { .. } => {
                let min = bound("minItems").or_else(|| bound("minProperties")).unwrap_or(0);
                let sentence = match bound("maxItems").or_else(|| bound("maxProperties")) {
                    Some(max) => count_sentence(min, max),
                    None => format!("Give at least {min} entries."),
                };
                (ViolationCode::Count, sentence)
            }
            Kind::Minimum { .. } | Kind::Maximum { .. } | Kind::ExclusiveMinimum { .. } | Kind::ExclusiveMaximum { .. } => {
                (ViolationCode::OutOfRange, number_sentence(schema))
            }
            Kind::UniqueItems => (ViolationCode::Duplicate, "Give each entry once.".to_owned()),
            _ if !choices(schema).is_empty() => (ViolationCode::Unknown, choice_sentence(&choices(schema))),
            _ => (ViolationCode::Type, type_sentence(schema)),
        }
    }

    /// No variant of a `oneOf` matches: explains the variant named by the tag field, or lists the choices.
    fn one_of(&mut self, error: &ValidationError<'_>, context: &[Vec<ValidationError<'static>>]) {
        let at = error.instance_path().as_str();
        let branches: Vec<_> =
            self.parent(error)["oneOf"].as_array().into_iter().flatten().map(|branch| self.resolve(branch)).collect();
        let values: Vec<_> = branches.iter().flat_map(|branch| choices(branch)).collect();
        if !values.is_empty() {
            return self.push(at.to_owned(), ViolationCode::Unknown, choice_sentence(&values));
        }
        let Some(tag) = branches.iter().find_map(|branch| tag(branch)) else { return self.any_of(error, context) };
        let Some(members) = error.instance().as_object() else {
            return self.push(at.to_owned(), ViolationCode::Type, "Give an object.");
        };
        let pointer = at.to_owned() + &step(tag);
        let wanted =
            |branch: &&Value| branch["properties"][tag].get("const").is_some_and(|value| members.get(tag) == Some(value));
        if !members.contains_key(tag) {
            self.push(pointer, ViolationCode::Required, "This is required.");
        } else if branches.iter().any(wanted) {
            let is_wanted =
                |errors: &&Vec<ValidationError<'_>>| !errors.iter().any(|error| error.instance_path().as_str() == pointer);
            for error in context.iter().find(is_wanted).into_iter().flatten() {
                self.add(error);
            }
        } else {
            let values: Vec<_> = branches.iter().flat_map(|branch| choices(&branch["properties"][tag])).collect();
            self.push(pointer, ViolationCode::Unknown, choice_sentence(&values));
        }
    }

    /// No variant of an `anyOf` matches: explains the only one whose type fits, or lists the types.
    fn any_of(&mut self, error: &ValidationError<'_>, context: &[Vec<ValidationError<'static>>]) {
        let at = error.instance_path().as_str();
        let is_type =
            |error: &ValidationError<'_>| error.instance_path().as_str() == at && matches!(error.kind(), Kind::Type { .. });
        let is_null = |error: &ValidationError<'_>| self.parent(error)["type"] == "null";
        let real: Vec<_> = context.iter().filter(|errors| !errors.iter().any(is_null)).collect();
        let mut fitting = real.iter().filter(|errors| !errors.iter().any(is_type));
        let only = match (real.as_slice(), fitting.next(), fitting.next()) {
            ([only], ..) | (_, Some(only), None) => *only,
            _ => {
                let errors = real.iter().flat_map(|errors| errors.iter()).filter(|error| is_type(error));
                let mut names: Vec<_> = errors.flat_map(|error| kinds(self.parent(error))).map(kind_name).collect();
                names.dedup();
                let sentence = if names.is_empty() {
                    "This value is not allowed here.".to_owned()
                } else {
                    format!("Give {}.", either(&names))
                };
                return self.push(at.to_owned(), ViolationCode::Type, sentence);
            }
        };
        for error in only {
            self.add(error);
        }
    }
}

/// The sentence of a form that a type declares.
fn form_sentence(name: &str) -> Option<String> {
    text::published(name).map(|form| form.sentence.to_owned())
}

/// A sentence with the type that a schema expects.
fn type_sentence(schema: &Value) -> String {
    let form = || ["format", "pattern"].iter().find_map(|keyword| form_sentence(schema[*keyword].as_str()?));
    match kinds(schema).as_slice() {
        [] => "This value is not allowed here.".to_owned(),
        ["integer"] => number_sentence(schema),
        ["string"] => form().unwrap_or_else(|| "Give a text.".to_owned()),
        kinds => format!("Give {}.", either(&kinds.iter().map(|kind| kind_name(kind)).collect::<Vec<_>>())),
    }
}

fn number_sentence(schema: &Value) -> String {
    let bound = |keyword: &str| schema.get(keyword).filter(|bound| bound.is_number());
    match (bound("minimum"), bound("maximum")) {
        (Some(min), Some(max)) => range_sentence(min, max),
        (Some(min), None) => format!("Give a number of at least {min}."),
        (None, Some(max)) => format!("Give a number of at most {max}."),
        (None, None) => "Give a whole number.".to_owned(),
    }
}

fn unknown_sentence(known: &[&str]) -> String {
    match known {
        [] => "This is not known here.".to_owned(),
        known => format!("This is not known here; known are {}.", quoted(known.iter())),
    }
}

/// The values that a schema fixes or lists.
fn choices(schema: &Value) -> Vec<&Value> {
    schema
        .get("const")
        .into_iter()
        .chain(schema["enum"].as_array().into_iter().flatten())
        .filter(|value| !value.is_null())
        .collect()
}

fn choice_sentence(values: &[&Value]) -> String {
    let names: Vec<_> = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    match names.as_slice() {
        [only] => format!("Give `{only}`."),
        names => format!("Give one of {}.", quoted(names.iter())),
    }
}

fn quoted(names: impl Iterator<Item = impl std::fmt::Display>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The property that names a variant.
fn tag(branch: &Value) -> Option<&str> {
    branch["properties"].as_object()?.iter().find(|(_, schema)| schema.get("const").is_some()).map(|(name, _)| name.as_str())
}

/// The types that a schema accepts, without null.
fn kinds(schema: &Value) -> Vec<&str> {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect::<Vec<_>>(),
    };
    kinds.into_iter().filter(|kind| *kind != "null").collect()
}

fn kind_name(kind: &str) -> &'static str {
    match kind {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    }
}

fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
