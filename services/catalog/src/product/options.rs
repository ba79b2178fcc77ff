//! Options of a product (colour, size) and the media that show it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::validator::Validator;

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
    pub(crate) name: String,
    /// For example `S`, `M`, `L`, in the order to show them.
    pub(crate) values: Vec<String>,
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
    pub(crate) url: String,
    /// Alternative text, for people who cannot see it.
    #[serde(default)]
    pub(crate) alt: String,
    /// Its kind.
    #[serde(default)]
    pub(crate) kind: MediaKind,
}

/// Checks the options of a product.
pub(crate) fn check_options(options: &[ProductOption], validator: &mut Validator) {
    validator.count("/options", options.len(), OPTIONS_MAX);
    let mut names = BTreeSet::new();
    for (index, option) in options.iter().enumerate().take(OPTIONS_MAX) {
        let at = format!("/options/{index}");
        validator.text(&format!("{at}/name"), &option.name, 1, 50);
        if !names.insert(&option.name) {
            validator.fail(format!("{at}/name"), "duplicate", "Two options have this name.");
        }
        let values = format!("{at}/values");
        if option.values.is_empty() {
            validator.fail(&values, "required", "An option has at least one value.");
        }
        validator.count(&values, option.values.len(), OPTION_VALUES_MAX);
        for (nr, value) in option.values.iter().enumerate().take(OPTION_VALUES_MAX) {
            validator.text(&format!("{values}/{nr}"), value, 1, 100);
        }
        if option.values.iter().collect::<BTreeSet<_>>().len() < option.values.len() {
            validator.fail(&values, "duplicate", "A value is listed twice.");
        }
    }
}

/// Checks the media of a product.
pub(crate) fn check_media(media: &[Media], validator: &mut Validator) {
    validator.count("/media", media.len(), MEDIA_MAX);
    for (index, medium) in media.iter().enumerate().take(MEDIA_MAX) {
        let at = format!("/media/{index}/url");
        validator.text(&at, &medium.url, 1, 2_048);
        let known = ["https://", "http://"].iter().any(|scheme| medium.url.starts_with(scheme));
        if !known || medium.url.contains(char::is_whitespace) {
            validator.fail(at, "url", "This is an address that begins with https:// or http:// and holds no space.");
        }
        validator.text(&format!("/media/{index}/alt"), &medium.alt, 0, 255);
    }
}

/// The values of a variant in the order of the product's options; empty text where one is missing.
pub(crate) fn values_in_order(options: &[ProductOption], chosen: &BTreeMap<String, String>) -> Vec<String> {
    options.iter().map(|option| chosen.get(&option.name).cloned().unwrap_or_default()).collect()
}

/// The same as a map, from the stored list.
pub(crate) fn values_by_name(options: &[ProductOption], values: &[String]) -> BTreeMap<String, String> {
    options.iter().zip(values).map(|(option, value)| (option.name.clone(), value.clone())).collect()
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
                Some(before) => chosen.get(&before.name),
                None => option.values.first(),
            };
            value.map(|value| (option.name.clone(), value.clone()))
        })
        .collect()
}
