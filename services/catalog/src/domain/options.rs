//! Options of a product (colour, size) and the media that show it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checks;

/// Most options of a product.
pub const OPTIONS_MAX: usize = 5;
/// Most values of an option.
pub const OPTION_VALUES_MAX: usize = 100;
/// Most media of a product.
pub const MEDIA_MAX: usize = 50;

/// Something in which variants of a product differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductOption {
    /// For example `Size`.
    pub name: String,
    /// For example `S`, `M`, `L`, in the order to show them.
    pub values: Vec<String>,
}

/// What a reference to a medium points at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    #[default]
    Image,
    /// A film.
    Video,
    /// A data sheet, a manual.
    Document,
}

/// A reference to a medium that is stored elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Where it is: an `https` or `http` address.
    pub url: String,
    /// What it shows, for those who cannot see it.
    #[serde(default)]
    pub alt: String,
    /// What it is.
    #[serde(default)]
    pub kind: MediaKind,
}

/// Checks the options of a product.
pub fn check_options(options: &[ProductOption], checks: &mut Checks) {
    checks.count("/options", options.len(), OPTIONS_MAX);
    let mut names = BTreeSet::new();
    for (index, option) in options.iter().enumerate().take(OPTIONS_MAX) {
        let at = format!("/options/{index}");
        checks.text(&format!("{at}/name"), &option.name, 1, 50);
        if !names.insert(&option.name) {
            checks.fail(format!("{at}/name"), "duplicate", "Two options have this name.");
        }
        let values = format!("{at}/values");
        if option.values.is_empty() {
            checks.fail(&values, "required", "An option has at least one value.");
        }
        checks.count(&values, option.values.len(), OPTION_VALUES_MAX);
        for (nr, value) in option.values.iter().enumerate().take(OPTION_VALUES_MAX) {
            checks.text(&format!("{values}/{nr}"), value, 1, 100);
        }
        if option.values.iter().collect::<BTreeSet<_>>().len() < option.values.len() {
            checks.fail(&values, "duplicate", "A value is listed twice.");
        }
    }
}

/// Checks the media of a product.
pub fn check_media(media: &[Media], checks: &mut Checks) {
    checks.count("/media", media.len(), MEDIA_MAX);
    for (index, medium) in media.iter().enumerate().take(MEDIA_MAX) {
        let at = format!("/media/{index}/url");
        checks.text(&at, &medium.url, 1, 2_048);
        let known = ["https://", "http://"].iter().any(|scheme| medium.url.starts_with(scheme));
        if !known || medium.url.contains(char::is_whitespace) {
            checks.fail(at, "url", "This is an address that begins with https:// or http:// and holds no space.");
        }
        checks.text(&format!("/media/{index}/alt"), &medium.alt, 0, 255);
    }
}

/// The values of a variant in the order of the product's options; empty text where one is missing.
pub fn values_in_order(options: &[ProductOption], chosen: &BTreeMap<String, String>) -> Vec<String> {
    options.iter().map(|option| chosen.get(&option.name).cloned().unwrap_or_default()).collect()
}

/// The same as a map, from what is stored.
pub fn values_by_name(options: &[ProductOption], values: &[String]) -> BTreeMap<String, String> {
    options.iter().zip(values).map(|(option, value)| (option.name.clone(), value.clone())).collect()
}

/// A variant's choice after the product's options were replaced: values stay by place, so that an option may be renamed;
/// a new option gives its first value.
pub fn carried_over(old: &[ProductOption], new: &[ProductOption], chosen: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    new.iter()
        .enumerate()
        .filter_map(|(place, option)| {
            let value = match old.get(place) {
                Some(before) => chosen.get(&before.name),
                None => option.values.first(),
            };
            value.map(|value| (option.name.clone(), value.clone()))
        })
        .collect()
}
