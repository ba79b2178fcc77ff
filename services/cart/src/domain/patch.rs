//! Merge semantics of a PATCH: an absent field stays, `null` clears what may be empty.

use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{Metadata, MetadataPatch};
use serde::{Deserialize, Deserializer};

/// Tells `null` (`Some(None)`) from an absent field (`None`, by `#[serde(default)]`).
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Merges metadata, in which no card number is to be.
pub fn merge_metadata(metadata: &mut Metadata, patch: MetadataPatch) -> Result<(), Fault> {
    refuse_card_numbers(patch.pairs())?;
    Ok(metadata.merge(patch)?)
}
