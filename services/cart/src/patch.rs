//! Updates by RFC 7396: an absent field stays, `null` clears an optional one.

use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{Metadata, MetadataPatch};
use serde::{Deserialize, Deserializer};

/// Reads `null` as `Some(None)`; an absent field is `None`, by `#[serde(default)]`.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Merges metadata, and refuses card numbers in them.
pub(crate) fn merge_metadata(metadata: &mut Metadata, patch: MetadataPatch) -> Result<(), Fault> {
    refuse_card_numbers(patch.pairs())?;
    Ok(metadata.merge(patch)?)
}
