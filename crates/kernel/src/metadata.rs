//! Metadata: a bounded key-value map that callers store with a resource.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use serde_json::json;

use crate::unique::unique_keys;

/// The database cannot store the character NUL.
const NO_NUL: &str = "^[^\\u0000]*$";

/// At most 50 pairs of a key (1 to 40 characters) and a value (at most 500 characters). A key comes once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

/// The violated bound of the metadata.
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
        pairs.iter().try_for_each(|(key, value)| Self::check_pair(key, value))?;
        Ok(Self(pairs))
    }

    fn check_pair(key: &str, value: &str) -> Result<(), MetadataError> {
        if key.is_empty() || key.chars().count() > Self::KEY_CHARS_MAX {
            Err(MetadataError::KeyLength)
        } else if value.chars().count() > Self::VALUE_CHARS_MAX {
            Err(MetadataError::ValueLength)
        } else if key.contains('\0') || value.contains('\0') {
            Err(MetadataError::Nul)
        } else {
            Ok(())
        }
    }

    /// The pairs in the order of their keys.
    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Merges the pairs of a patch and removes the keys that it sets to `null`; the bounds apply to the result.
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
            "propertyNames": { "minLength": 1, "maxLength": Self::KEY_CHARS_MAX, "pattern": NO_NUL },
            "additionalProperties": { "type": "string", "maxLength": Self::VALUE_CHARS_MAX, "pattern": NO_NUL },
            "examples": [{ "erp_id": "4711" }],
        })
    }
}

/// Metadata of a PATCH: pairs are merged into the present ones, `null` removes a key. A key comes once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
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
        let pairs: BTreeMap<String, Option<String>> = unique_keys(deserializer)?;
        let check = |(key, value): (&String, &Option<String>)| Metadata::check_pair(key, value.as_deref().unwrap_or_default());
        pairs.iter().try_for_each(check).map_err(D::Error::custom)?;
        Ok(Self(pairs))
    }
}

impl JsonSchema for MetadataPatch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MetadataPatch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json!({ "type": ["string", "null"], "maxLength": Metadata::VALUE_CHARS_MAX, "pattern": NO_NUL });
        json_schema!({
            "type": "object",
            "propertyNames": { "minLength": 1, "maxLength": Metadata::KEY_CHARS_MAX, "pattern": NO_NUL },
            "additionalProperties": value,
            "examples": [{ "erp_id": "4711" }],
        })
    }
}
