//! Personal data of buyers, which services encrypt: identity and addresses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Form;
use crate::{Country, Email, Phone, text};

text! {
    /// Name of a recipient.
    pub struct RecipientName { length: 1..=200, form: Form::LINE, example: "Asha Rao" }

    /// Name of a company; may be empty.
    pub struct Company { length: 0..=200, form: Form::LINE_OR_BLANK, example: "Rao Kitchens" }

    /// Street and number.
    pub struct AddressLine { length: 1..=200, form: Form::LINE, example: "14 Church Street" }

    /// Floor, flat, building; may be empty.
    pub struct AddressLine2 { length: 0..=200, form: Form::LINE_OR_BLANK, example: "2nd floor" }

    /// Town.
    pub struct City { length: 1..=120, form: Form::LINE, example: "Bengaluru" }

    /// State, province or county: ISO 3166-2 without the country part where a tax depends on it.
    pub struct Region { length: 0..=60, form: Form::LINE_OR_BLANK, example: "KA" }

    /// Postal code, as its country writes it.
    pub struct PostalCode { length: 0..=20, form: Form::LINE_OR_BLANK, example: "560001" }
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Name of the recipient.
    pub name: RecipientName,
    /// Company.
    #[serde(default)]
    pub company: Option<Company>,
    /// Street and number.
    pub line1: AddressLine,
    /// Floor, flat, building.
    #[serde(default)]
    pub line2: Option<AddressLine2>,
    /// Town.
    pub city: City,
    /// State, province or county: ISO 3166-2 without the country part.
    #[serde(default)]
    pub region: Option<Region>,
    /// Postal code.
    #[serde(default)]
    pub postal_code: Option<PostalCode>,
    /// ISO 3166-1 alpha-2 code.
    pub country: Country,
    /// Telephone number.
    #[serde(default)]
    pub phone: Option<Phone>,
}

impl Address {
    /// The texts that a person wrote, by field, without the telephone number.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [
            ("name", Some(self.name.as_str())),
            ("company", self.company.as_deref()),
            ("line1", Some(self.line1.as_str())),
            ("line2", self.line2.as_deref()),
            ("city", Some(self.city.as_str())),
            ("region", self.region.as_deref()),
            ("postal_code", self.postal_code.as_deref()),
        ];
        texts.into_iter().filter_map(|(field, text)| Some((field, text?)))
    }
}

/// What identifies a buyer. Sealed at rest, absent from events, gone after an erasure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalData {
    /// Where the confirmation goes.
    pub email: Option<Email>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
}

impl PersonalData {
    /// Whether it contains no data.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
