//! Metadata: what a caller likes to remember at a resource, within bounds.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::unique::unique_keys;

/// At most 50 pairs of a key (1 to 40 characters) and a value (at most 500 characters). A key comes once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

/// Which bound the metadata breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// More than 50 pairs.
    #[error("metadata has at most 50 keys")]
    TooManyKeys,
    /// An empty key or one of more than 40 characters.
    #[error("a metadata key has 1 to 40 characters")]
    KeyLength,
    /// A value of more than 500 characters.
    #[error("a metadata value has at most 500 characters")]
    ValueLength,
    /// The character NUL, which the database cannot store.
    #[error("metadata holds no NUL characters")]
    Nul,
}

impl Metadata {
    /// The most pairs.
    pub const KEYS_MAX: usize = 50;
    /// The most characters of a key.
    pub const KEY_CHARS_MAX: usize = 40;
    /// The most characters of a value.
    pub const VALUE_CHARS_MAX: usize = 500;

    /// Checks the bounds.
    pub fn new(pairs: BTreeMap<String, String>) -> Result<Self, MetadataError> {
        if pairs.len() > Self::KEYS_MAX {
            return Err(MetadataError::TooManyKeys);
        }
        for (key, value) in &pairs {
            if key.is_empty() || key.chars().count() > Self::KEY_CHARS_MAX {
                return Err(MetadataError::KeyLength);
            }
            if value.chars().count() > Self::VALUE_CHARS_MAX {
                return Err(MetadataError::ValueLength);
            }
            if key.contains('\0') || value.contains('\0') {
                return Err(MetadataError::Nul);
            }
        }
        Ok(Self(pairs))
    }

    /// The pairs in the order of their keys.
    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Takes the pairs of a patch over, and forgets the keys that it sets to `null`; the bounds hold for the result.
    pub fn merge(&mut self, patch: MetadataPatch) -> Result<(), MetadataError> {
        let mut pairs = self.0.clone();
        for (key, value) in patch.0 {
            match value {
                Some(value) => pairs.insert(key, value),
                None => pairs.remove(&key),
            };
        }
        *self = Self::new(pairs)?;
        Ok(())
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(unique_keys(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Metadata {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metadata".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What a caller likes to remember at this resource",
            "type": "object",
            "maxProperties": Self::KEYS_MAX,
            "propertyNames": { "minLength": 1, "maxLength": Self::KEY_CHARS_MAX },
            "additionalProperties": { "type": "string", "maxLength": Self::VALUE_CHARS_MAX },
            "examples": [{ "erp_id": "4711" }],
        })
    }
}

/// Metadata of a PATCH: pairs are merged into the present ones, `null` removes a key. A key comes once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct MetadataPatch(BTreeMap<String, Option<String>>);

impl MetadataPatch {
    /// The pairs that it sets.
    pub fn pairs(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for MetadataPatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unique_keys(deserializer).map(Self)
    }
}
