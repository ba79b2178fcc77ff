//! Places that taxes depend on: country, region, postal code.

use bloom_kernel::text::Form;
use bloom_kernel::{Country, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

text! {
    /// A region: ISO 3166-2 without the country's part.
    pub struct TaxRegion {
        length: 1..=3,
        form: Form::pattern("^[A-Za-z0-9]*$", is_alphanumeric, "Give letters and digits: ISO 3166-2 without the country's part."),
        example: "MH",
        normalise: str::to_ascii_uppercase,
    }

    /// A postal code or its beginning; blanks and hyphens are ignored.
    pub struct TaxPostalCode {
        length: 1..=16,
        form: Form::pattern(
            "^[ -]*[A-Za-z0-9][A-Za-z0-9 -]*$",
            is_postal_code,
            "Give letters and digits; blanks and hyphens between them are ignored.",
        ),
        example: "400001",
        normalise: without_separators,
    }
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_postal_code(text: &str) -> bool {
    let code = without_separators(text);
    !code.is_empty() && is_alphanumeric(&code)
}

fn without_separators(text: &str) -> String {
    text.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect::<String>().to_ascii_uppercase()
}

/// Where goods go, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    pub country: Country,
    pub region: Option<TaxRegion>,
    pub postal_code: Option<TaxPostalCode>,
}

impl Destination {
    /// An unknown address in a country.
    pub const fn of_country(country: Country) -> Self {
        Self { country, region: None, postal_code: None }
    }
}

/// A part of a country that a tax zone covers. A field that is left out does not narrow it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxArea {
    /// The country.
    pub country: Country,
    /// One region of the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<TaxRegion>,
    /// Postal codes with this beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_prefix: Option<TaxPostalCode>,
}

impl TaxArea {
    /// Whether an address lies in the area. An address without a region lies in no area that names one; the same holds for
    /// postal codes.
    pub fn covers(&self, destination: &Destination) -> bool {
        let region = self.region.is_none() || self.region == destination.region;
        let postal = self
            .postal_prefix
            .as_ref()
            .is_none_or(|prefix| destination.postal_code.as_ref().is_some_and(|code| code.as_str().starts_with(prefix.as_str())));
        self.country == destination.country && region && postal
    }

    /// Narrower areas compare greater: a longer postal prefix first, then a region.
    pub fn narrowness(&self) -> (usize, bool) {
        (self.postal_prefix.as_ref().map_or(0, |prefix| prefix.as_str().len()), self.region.is_some())
    }
}
