//! RFC 7396 in the update types: an absent field keeps its value, `null` clears what may be empty.

use std::collections::BTreeMap;

use bloom_kernel::unique_keys;
use serde::{Deserialize, Deserializer};

/// Distinguishes `null` (`Some(None)`) from an absent field (`None`, by `#[serde(default)]`).
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// An optional object that has each key once.
pub(crate) fn unique_if_any<'de, D, V>(deserializer: D) -> Result<Option<BTreeMap<String, V>>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(transparent, bound = "V: Deserialize<'de>")]
    struct Unique<V>(#[serde(deserialize_with = "unique_keys")] BTreeMap<String, V>);
    Ok(Option::<Unique<V>>::deserialize(deserializer)?.map(|unique| unique.0))
}

/// Sets a field that the update names.
pub(crate) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
