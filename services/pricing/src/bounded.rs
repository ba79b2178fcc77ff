//! Texts and numbers with bounds: a value out of bounds is refused when it is read.

use std::fmt;

use bloom_kernel::{Currency, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The largest price or charge: a trillion minor units.
pub(crate) const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// A name for people: 1 to 255 characters, not blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
pub(crate) struct Name(String);

/// A code for machines: 1 to 64 lower-case letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
pub(crate) struct Code(String);

/// How many units: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub(crate) struct Quantity(i64);

/// A text or number is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OutOfBounds(&'static str);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a base list: `Base prices in INR`.
    pub(crate) fn of_base_list(currency: Currency) -> Self {
        Self(format!("Base prices in {currency}"))
    }
}

impl Code {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The code of a base list: `base-inr`.
    pub(crate) fn of_base_list(currency: Currency) -> Self {
        Self(format!("base-{}", currency.as_str().to_ascii_lowercase()))
    }
}

impl Quantity {
    /// The largest quantity of a line, and the highest tier.
    pub(crate) const MAX: i64 = 1_000_000;
    pub(crate) const ONE: Self = Self(1);

    pub(crate) fn new(quantity: i64) -> Result<Self, OutOfBounds> {
        let within = (1..=Self::MAX).contains(&quantity);
        if within { Ok(Self(quantity)) } else { Err(OutOfBounds("a quantity is from 1 to 1000000")) }
    }

    pub(crate) const fn get(self) -> i64 {
        self.0
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::ONE
    }
}

impl TryFrom<String> for Name {
    type Error = OutOfBounds;

    fn try_from(text: String) -> Result<Self, OutOfBounds> {
        let valid = !text.trim().is_empty() && text.chars().count() <= 255 && !text.contains('\0');
        if valid { Ok(Self(text)) } else { Err(OutOfBounds("a name has 1 to 255 characters and is not blank")) }
    }
}

impl TryFrom<String> for Code {
    type Error = OutOfBounds;

    fn try_from(text: String) -> Result<Self, OutOfBounds> {
        let letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let valid = (1..=64).contains(&text.len()) && text.bytes().all(letter);
        if valid { Ok(Self(text)) } else { Err(OutOfBounds("a code has 1 to 64 of a-z, 0-9, `-`, `_` and `.`")) }
    }
}

impl TryFrom<i64> for Quantity {
    type Error = OutOfBounds;

    fn try_from(quantity: i64) -> Result<Self, OutOfBounds> {
        Self::new(quantity)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 255 })
    }
}

impl JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9._-]{1,64}$" })
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MAX })
    }
}

/// Reads a field of an update that may be left out, set, or cleared with `null`, and keeps the three apart.
pub(crate) fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// The same for a moment that a caller names.
pub(crate) fn present_moment<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Timestamp>>, D::Error> {
    bloom_kernel::moment(deserializer).map(Some)
}
