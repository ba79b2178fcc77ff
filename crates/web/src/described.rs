//! What the description of a body says of a place in it. Looked up for refusals only: the range of a number is the one that
//! is published, and in an object whose kind stands in one of its fields, which serde keeps aside until it knows the kind,
//! the place is found again that serde has lost.

use std::collections::BTreeSet;
use std::fmt;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::words::{Range, range_of_format};

/// The description of a body.
pub(super) struct Described(Value);

/// What stands somewhere, and what should.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    schema: &'a Value,
    found: &'a RawValue,
}

impl Described {
    pub(super) fn of<T: JsonSchema>() -> Self {
        Self(SchemaGenerator::default().into_root_schema_for::<T>().to_value())
    }

    /// The place that a path leads to; nothing where the description is silent.
    pub(super) fn place<'a>(&'a self, body: &'a RawValue, path: &Path) -> Option<Place<'a>> {
        path.iter().try_fold(Place { schema: &self.0, found: body }, |place, segment| match segment {
            Segment::Map { key } => self.below(place, key),
            Segment::Seq { index } => self.below(place, &index.to_string()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
    }

    /// The range of the whole number at a JSON Pointer.
    pub(super) fn range(&self, body: &RawValue, pointer: &str) -> Option<Range> {
        let mut steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
        let place = steps.try_fold(Place { schema: &self.0, found: body }, |place, step| self.below(place, &step))?;
        range(self.plain(place)?)
    }

    /// The pointer from an object whose kind stands in one of its fields to the first thing in it that does not fit.
    pub(super) fn misfit(&self, place: Place) -> Option<String> {
        let is_tagged = self.meant(place.schema)?.get("oneOf").is_some() && place.found.get().starts_with('{');
        if is_tagged { self.first_misfit(place) } else { None }
    }

    fn first_misfit(&self, place: Place) -> Option<String> {
        let schema = self.plain(place)?;
        if let Some(members) = members(place.found) {
            let mut seen = BTreeSet::new();
            for (name, found) in &members {
                let below = match member(schema, name) {
                    Some(schema) => self.first_misfit(Place { schema, found }),
                    None => Some(String::new()),
                };
                let below = if seen.insert(name) { below } else { Some(String::new()) };
                if let Some(below) = below {
                    return Some(step(name) + &below);
                }
            }
            let mut needed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let lacks = needed.any(|name| !members.iter().any(|(given, _)| given == name));
            return (lacks || !fits(schema, "{")).then(String::new);
        }
        if let (Some(items), Some(schema)) = (items(place.found), schema.get("items")) {
            let mut below = items.iter().map(|found| self.first_misfit(Place { schema, found })).enumerate();
            return below.find_map(|(index, below)| Some(format!("/{index}{}", below?)));
        }
        (!fits(schema, place.found.get())).then(String::new)
    }

    fn below<'a>(&'a self, place: Place<'a>, step: &str) -> Option<Place<'a>> {
        let schema = self.plain(place)?;
        if let Some(members) = members(place.found) {
            let found = members.into_iter().find(|(name, _)| name == step)?.1;
            return Some(Place { schema: member(schema, step)?, found });
        }
        let found = *items(place.found)?.get(step.parse::<usize>().ok()?)?;
        Some(Place { schema: schema.get("items")?, found })
    }

    /// The schema of what stands here: of several kinds the one that it says it is.
    fn plain<'a>(&'a self, place: Place<'a>) -> Option<&'a Value> {
        let schema = self.meant(place.schema)?;
        let Some(kinds) = schema["oneOf"].as_array() else { return Some(schema) };
        let members = members(place.found)?;
        let says = |name: &str| members.iter().find(|(given, _)| given == name)?.1.get().parse::<Value>().ok();
        let is_it = |kind: &Value| {
            let mut fixed =
                kind["properties"].as_object()?.iter().filter_map(|(name, schema)| Some((name, schema.get("const")?)));
            fixed.next().map(|(name, wanted)| says(name).as_ref() == Some(wanted))
        };
        kinds.iter().find(|kind| is_it(kind) == Some(true))
    }

    /// The schema behind a reference, or beside `null`.
    fn meant<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.meant(self.0.pointer(reference.strip_prefix('#')?)?);
        }
        let Some(choices) = schema["anyOf"].as_array() else { return Some(schema) };
        let mut real = choices.iter().filter(|choice| choice["type"] != "null");
        let only = real.next()?;
        if real.next().is_some() { None } else { self.meant(only) }
    }
}

/// A name or a number as a part of a JSON Pointer.
pub(super) fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn member<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema["properties"].get(name).or_else(|| schema.get("additionalProperties").filter(|others| others.is_object()))
}

/// The range of a whole number: what the schema states, else what its format can hold.
fn range(schema: &Value) -> Option<Range> {
    let (least, greatest) = range_of_format(schema["format"].as_str()?)?;
    let bound = |word: &str| schema[word].as_i64().map(i128::from).or_else(|| schema[word].as_u64().map(i128::from));
    Some((bound("minimum").unwrap_or(least), bound("maximum").unwrap_or(greatest)))
}

/// Whether serde takes the value for one of the schema's types.
fn fits(schema: &Value, found: &str) -> bool {
    let first = found.as_bytes().first().copied().unwrap_or_default();
    let fits_one = |kind: &str| match kind {
        "object" => first == b'{',
        "array" => first == b'[',
        "string" => first == b'"',
        "null" => first == b'n',
        "boolean" => matches!(first, b't' | b'f'),
        "number" => matches!(first, b'-' | b'0'..=b'9'),
        "integer" => {
            let (least, greatest) = schema["format"].as_str().and_then(range_of_format).unwrap_or((i128::MIN, i128::MAX));
            found.parse().is_ok_and(|number| (least..=greatest).contains(&number))
        }
        _ => false,
    };
    match &schema["type"] {
        Value::String(kind) => fits_one(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(fits_one),
        _ => true,
    }
}

/// The members of an object in their order, also those that come twice; nothing when it is none.
fn members(found: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            std::iter::from_fn(|| entries.next_entry().transpose()).collect()
        }
    }
    let json = &mut serde_json::Deserializer::from_str(found.get());
    json.deserialize_map(Members).ok()
}

fn items(found: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(found.get()).ok()
}
