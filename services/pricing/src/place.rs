//! Places that taxes depend on: country, region, postal code.

use std::fmt;

use bloom_kernel::is_country;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The text is no place of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PlaceError(&'static str);

macro_rules! place {
    ($(#[$doc:meta])* $name:ident, $parse:expr, $schema:tt) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[sqlx(transparent)]
        #[serde(try_from = "String", into = "String")]
        pub(crate) struct $name(String);

        impl $name {
            /// Reads and normalises the text.
            pub(crate) fn parse(text: &str) -> Result<Self, PlaceError> {
                let parse: fn(&str) -> Result<String, PlaceError> = $parse;
                parse(text).map(Self)
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = PlaceError;

            fn try_from(text: String) -> Result<Self, PlaceError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(place: $name) -> Self {
                place.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

place! {
    /// A country: ISO 3166-1 alpha-2 in upper case.
    Country, parse_country, {
        "description": "ISO 3166-1 alpha-2 country code", "type": "string", "pattern": "^[A-Z]{2}$", "examples": ["IN"]
    }
}

place! {
    /// A region: ISO 3166-2 without the country's part.
    TaxRegion, parse_region, {
        "description": "ISO 3166-2 code without the country part", "type": "string", "pattern": "^[A-Za-z0-9]{1,3}$",
        "examples": ["MH"]
    }
}

place! {
    /// A postal code or its beginning, without blanks and hyphens, in upper case.
    TaxPostalCode, parse_postal_code, {
        "description": "Postal code, or its beginning; blanks and hyphens are ignored", "type": "string",
        "minLength": 1, "maxLength": 16, "examples": ["400001"]
    }
}

fn parse_country(text: &str) -> Result<String, PlaceError> {
    if is_country(text) {
        Ok(text.to_owned())
    } else {
        Err(PlaceError("a country is an ISO 3166-1 alpha-2 code, for example IN"))
    }
}

fn parse_region(text: &str) -> Result<String, PlaceError> {
    let valid = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { Ok(text.to_ascii_uppercase()) } else { Err(PlaceError("a region is one to three letters or digits")) }
}

fn parse_postal_code(text: &str) -> Result<String, PlaceError> {
    let code: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
    let valid = text.len() <= 16 && !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { Ok(code.to_ascii_uppercase()) } else { Err(PlaceError("a postal code is letters and digits, at most 16")) }
}

/// Where goods go, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Destination {
    pub country: Country,
    pub region: Option<TaxRegion>,
    pub postal_code: Option<TaxPostalCode>,
}

impl Destination {
    /// An unknown address in a country.
    pub(crate) const fn of_country(country: Country) -> Self {
        Self { country, region: None, postal_code: None }
    }
}

/// A part of a country that a tax zone covers. A field that is left out does not narrow it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxArea {
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
    pub(crate) fn covers(&self, destination: &Destination) -> bool {
        let region = self.region.is_none() || self.region == destination.region;
        let postal = self
            .postal_prefix
            .as_ref()
            .is_none_or(|prefix| destination.postal_code.as_ref().is_some_and(|code| code.as_str().starts_with(prefix.as_str())));
        self.country == destination.country && region && postal
    }

    /// Narrower areas compare greater: a longer postal prefix first, then a region.
    pub(crate) fn narrowness(&self) -> (usize, bool) {
        (self.postal_prefix.as_ref().map_or(0, |prefix| prefix.as_str().len()), self.region.is_some())
    }
}
