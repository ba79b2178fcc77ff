//! Bounded lists, maps with unique keys, and times within the years that RFC 3339 supports. These types check their
//! rule when they are parsed and publish it in their JSON Schema.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;

use chrono::{DateTime, Datelike as _, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::{Form, publish};
use crate::unique::unique_keys;
use crate::{InvalidValue, Timestamp, ViolationCode};

/// A list of `MIN` to `MAX` entries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Items<T, const MIN: usize, const MAX: usize>(Vec<T>);

impl<T, const MIN: usize, const MAX: usize> Items<T, MIN, MAX> {
    /// The list, if its length is within the bounds.
    pub fn new(items: Vec<T>) -> Result<Self, InvalidValue> {
        if (MIN..=MAX).contains(&items.len()) {
            return Ok(Self(items));
        }
        Err(InvalidValue::new(ViolationCode::Count, count_sentence(MIN, MAX)))
    }

    /// The entries.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

/// The error sentence for a list or an object with too few or too many entries.
pub fn count_sentence(min: usize, max: usize) -> String {
    if min == 0 { format!("Give at most {max} entries.") } else { format!("Give {min} to {max} entries.") }
}

impl<T, const MAX: usize> Default for Items<T, 0, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MIN: usize, const MAX: usize> Deref for Items<T, MIN, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MIN: usize, const MAX: usize> IntoIterator for Items<T, MIN, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const MIN: usize, const MAX: usize> IntoIterator for &'a Items<T, MIN, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>, const MIN: usize, const MAX: usize> Deserialize<'de> for Items<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<T: JsonSchema, const MIN: usize, const MAX: usize> JsonSchema for Items<T, MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Vec::<T>::json_schema(generator);
        if 0 < MIN {
            schema.insert("minItems".to_owned(), MIN.into());
        }
        schema.insert("maxItems".to_owned(), MAX.into());
        schema
    }
}

/// An object whose keys come once. RFC 8259 leaves open which of two equal keys counts, so both are refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct UniqueMap<V>(BTreeMap<String, V>);

impl<V> UniqueMap<V> {
    /// The pairs.
    pub fn into_map(self) -> BTreeMap<String, V> {
        self.0
    }
}

impl<V> Default for UniqueMap<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> From<BTreeMap<String, V>> for UniqueMap<V> {
    fn from(pairs: BTreeMap<String, V>) -> Self {
        Self(pairs)
    }
}

impl<V> Deref for UniqueMap<V> {
    type Target = BTreeMap<String, V>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for UniqueMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unique_keys(deserializer).map(Self)
    }
}

/// A moment that a caller names. RFC 3339 knows the years 0000 to 9999, chrono and PostgreSQL know others, and not the same
/// ones, so the years 0001 to 9999 are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Moment(Timestamp);

const MOMENT: Form = Form::format("date-time", is_moment, "Give a time such as 2026-11-01T12:00:00Z, in the years 0001 to 9999.");

impl Moment {
    /// The moment.
    pub const fn get(self) -> Timestamp {
        self.0
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

fn parse_moment(text: &str) -> Option<Timestamp> {
    // chrono also accepts a space in place of the T; RFC 3339 section 5.6 allows that, the JSON Schema format does not.
    let moment: DateTime<Utc> = DateTime::parse_from_rfc3339(text).ok()?.into();
    ((1..=9999).contains(&moment.year()) && !text.contains(' ')).then_some(moment)
}

fn is_moment(text: &str) -> bool {
    parse_moment(text).is_some()
}

impl std::str::FromStr for Moment {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        parse_moment(text).map(Self).ok_or_else(|| InvalidValue::new(ViolationCode::Format, MOMENT.sentence))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        publish(MOMENT);
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-11-01T12:00:00Z"] })
    }
}
