//! Options of a product (colour, size) and the media that show it.

use std::collections::{BTreeMap, BTreeSet};

use bloom_kernel::{Items, ViolationCode, WebUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::validator::Validator;
use crate::values::{AltText, OptionName, OptionValue};

/// Most options of a product.
pub(crate) const OPTIONS_MAX: usize = 5;
/// Most values of an option.
pub(crate) const OPTION_VALUES_MAX: usize = 100;
/// Most media of a product.
pub(crate) const MEDIA_MAX: usize = 50;

/// An option in which the variants of a product differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductOption {
    /// For example `Size`.
    pub(crate) name: OptionName,
    /// For example `S`, `M`, `L`, in the order to show them.
    pub(crate) values: Items<OptionValue, 1, OPTION_VALUES_MAX>,
}

/// The kind of a medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MediaKind {
    /// A picture.
    #[default]
    Image,
    /// A video.
    Video,
    /// A data sheet, a manual.
    Document,
}

/// A reference to a medium that is stored elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Media {
    /// Its `https` or `http` address.
    pub(crate) url: WebUrl,
    /// Alternative text, for people who cannot see it.
    #[serde(default)]
    pub(crate) alt: AltText,
    /// Its kind.
    #[serde(default)]
    pub(crate) kind: MediaKind,
}

/// Refuses options and values that are listed twice.
pub(crate) fn check_options(options: &[ProductOption], validator: &mut Validator) {
    let mut names = BTreeSet::new();
    for (index, option) in options.iter().enumerate() {
        if !names.insert(&option.name) {
            validator.fail(format!("/options/{index}/name"), ViolationCode::Duplicate, "Two options have this name.");
        }
        if option.values.iter().collect::<BTreeSet<_>>().len() < option.values.len() {
            validator.fail(format!("/options/{index}/values"), ViolationCode::Duplicate, "A value is listed twice.");
        }
    }
}

/// The values of a variant in the order of the product's options; empty text where one is missing.
pub(crate) fn values_in_order(options: &[ProductOption], chosen: &BTreeMap<String, String>) -> Vec<String> {
    options.iter().map(|option| chosen.get(option.name.as_str()).cloned().unwrap_or_default()).collect()
}

/// The same as a map, from the stored list.
pub(crate) fn values_by_name(options: &[ProductOption], values: &[String]) -> BTreeMap<String, String> {
    options.iter().zip(values).map(|(option, value)| (option.name.to_string(), value.clone())).collect()
}

/// The values of a variant after the product's options were replaced: values stay by the option's position, so that an option
/// may be renamed; a new option gives its first value.
pub(crate) fn carried_over(
    old: &[ProductOption],
    new: &[ProductOption],
    chosen: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    new.iter()
        .enumerate()
        .filter_map(|(position, option)| {
            let value = match old.get(position) {
                Some(before) => chosen.get(before.name.as_str()).cloned(),
                None => option.values.first().map(ToString::to_string),
            };
            value.map(|value| (option.name.to_string(), value))
        })
        .collect()
}
