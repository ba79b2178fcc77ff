//! Merge semantics of a PATCH: an absent field stays, `null` clears what may be empty.

use std::collections::BTreeMap;

use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::Metadata;
use serde::{Deserialize, Deserializer};

/// Metadata of a PATCH: pairs are merged into the present ones, `null` removes a key.
pub type MetadataPatch = BTreeMap<String, Option<String>>;

/// Tells `null` (`Some(None)`) from an absent field (`None`, by `#[serde(default)]`).
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Merges metadata; the bounds hold for the result.
pub fn merge_metadata(metadata: &mut Metadata, patch: MetadataPatch) -> Result<(), Fault> {
    refuse_card_numbers(patch.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))))?;
    let mut pairs = metadata.pairs().clone();
    for (key, value) in patch {
        match value {
            Some(value) => pairs.insert(key, value),
            None => pairs.remove(&key),
        };
    }
    *metadata = Metadata::new(pairs).map_err(|error| Fault::invalid("/metadata", "invalid", format!("{error}.")))?;
    Ok(())
}
