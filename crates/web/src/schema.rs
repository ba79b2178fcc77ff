//! The published schema of an input type, compiled once: it finds all violations of an input that serde refused.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use bloom_fault::Violation;
use bloom_kernel::{Moment, text};
use jsonschema::paths::Location;
use jsonschema::{Draft, Keyword, ValidationError, Validator};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::violations::Explain;

/// Keyword added beside `"type": "integer"` during validation: JSON Schema accepts 1.0 as an integer, serde does not.
const WHOLE: &str = "x-whole";

/// Maximum number of values in an input for which all violations are listed.
const NODES_MAX: usize = 12_000;

/// The ranges of the whole number formats.
const WHOLE_FORMATS: [(&str, i128, i128); 10] = [
    ("int8", i8::MIN as i128, i8::MAX as i128),
    ("int16", i16::MIN as i128, i16::MAX as i128),
    ("int32", i32::MIN as i128, i32::MAX as i128),
    ("int64", i64::MIN as i128, i64::MAX as i128),
    ("int", i64::MIN as i128, i64::MAX as i128),
    ("uint8", 0, u8::MAX as i128),
    ("uint16", 0, u16::MAX as i128),
    ("uint32", 0, u32::MAX as i128),
    ("uint64", 0, u64::MAX as i128),
    ("uint", 0, u64::MAX as i128),
];

static SCHEMAS: RwLock<BTreeMap<TypeId, &'static InputSchema>> = RwLock::new(BTreeMap::new());

/// The schema of an input type.
pub(super) struct InputSchema {
    /// As it is published, in draft 2020-12, with the ranges of its number formats.
    document: Value,
    validator: Validator,
    /// Whether serde buffers parts of such an input before it knows their type. It reads buffered parts less strictly:
    /// a struct also from an array.
    is_buffered: bool,
}

impl InputSchema {
    /// The schema of a type; compiled once.
    pub(super) fn of<T: JsonSchema + 'static>() -> &'static Self {
        let id = TypeId::of::<T>();
        if let Some(known) = SCHEMAS.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return known;
        }
        let made = Self::new(SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>());
        SCHEMAS.write().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert_with(|| Box::leak(Box::new(made)))
    }

    /// # Panics
    ///
    /// When the type's schema is invalid.
    fn new(mut schema: Schema) -> Self {
        // Any schema may contain a time, even one that is not a `Moment`.
        Moment::json_schema(&mut SchemaGenerator::default());
        RecursiveTransform(close_integers).transform(&mut schema);
        let document = schema.to_value();
        let mut options =
            jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).with_keyword(WHOLE, whole);
        for (name, form) in text::published_formats() {
            options = options.with_format(name, form.check);
        }
        let validator = options.build(&document).expect("a type publishes a valid schema");
        let is_buffered = buffers(&document);
        Self { document, validator, is_buffered }
    }

    pub(super) const fn is_buffered(&self) -> bool {
        self.is_buffered
    }

    pub(super) const fn document(&self) -> &Value {
        &self.document
    }

    /// The violations of an input, one per field, up to the limit. For an input with very many values only the first
    /// violation, because the validator collects all of them before it returns the first.
    pub(super) fn violations(&self, input: &Value, nodes: usize) -> Vec<Violation> {
        let mut explain = Explain::new(&self.document, input);
        if NODES_MAX < nodes {
            if let Err(error) = self.validator.validate(input) {
                explain.add(&error);
            }
            return explain.into_violations();
        }
        for error in self.validator.iter_errors(input) {
            if explain.is_full() {
                break;
            }
            explain.add(&error);
        }
        explain.into_violations()
    }
}

/// Adds the range of a number format as bounds, and requires whole numbers in serde's sense.
fn close_integers(schema: &mut Schema) {
    let Some(schema) = schema.as_object_mut() else { return };
    let is_integer = match schema.get("type") {
        Some(Value::String(kind)) => kind == "integer",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "integer"),
        _ => false,
    };
    if !is_integer {
        return;
    }
    schema.insert(WHOLE.to_owned(), true.into());
    let format = schema.get("format").and_then(Value::as_str);
    let Some((_, min, max)) = WHOLE_FORMATS.iter().find(|(name, ..)| Some(*name) == format) else { return };
    let number = |bound: i128| {
        i64::try_from(bound).map_or_else(|_| u64::try_from(bound).map(Value::from).ok(), |bound| Some(bound.into()))
    };
    for (keyword, bound) in [("minimum", *min), ("maximum", *max)] {
        if let (false, Some(bound)) = (schema.contains_key(keyword), number(bound)) {
            schema.insert(keyword.to_owned(), bound);
        }
    }
}

struct Whole;

impl<'i> Keyword<'i> for Whole {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) { Ok(()) } else { Err(ValidationError::custom("not a whole number")) }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        !instance.is_f64()
    }
}

fn whole<'a>(_: &'a Map<String, Value>, _: &'a Value, _: Location) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    Ok(Box::new(Whole))
}

/// Whether a schema chooses between several types of values of which one is an object.
fn buffers(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else {
        return schema.as_array().is_some_and(|items| items.iter().any(buffers));
    };
    let chooses = ["oneOf", "anyOf"].iter().filter_map(|keyword| members.get(*keyword)?.as_array()).any(|choices| {
        let choices: Vec<_> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        1 < choices.len() && choices.iter().any(|choice| choice["type"] == "object" || choice.get("$ref").is_some())
    });
    chooses || members.values().any(buffers)
}
