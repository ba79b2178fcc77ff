//! The personal data of a cart: e-mail and addresses.

use bloom_fault::{Fault, refuse_card_number};
use bloom_kernel::is_country;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::card::refuse_card_number_as_phone;

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// Name of the recipient.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// Company.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub company: Option<String>,
    /// Street and number.
    #[schemars(length(min = 1, max = 200))]
    pub line1: String,
    /// Floor, flat, building.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub line2: Option<String>,
    /// Town.
    #[schemars(length(min = 1, max = 120))]
    pub city: String,
    /// State, province or county: ISO 3166-2 without the country part.
    #[serde(default)]
    #[schemars(length(max = 60))]
    pub region: Option<String>,
    /// Postal code.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    pub country: String,
    /// Telephone number.
    #[serde(default)]
    #[schemars(length(max = 40))]
    pub phone: Option<String>,
}

impl Address {
    /// Refuses an invalid address, with all its violations; `pointer` is the path of the address.
    pub(super) fn check(&self, pointer: &str) -> Result<(), Fault> {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let texts = [
            ("name", self.name.clone(), 1, 200),
            ("company", optional(&self.company), 0, 200),
            ("line1", self.line1.clone(), 1, 200),
            ("line2", optional(&self.line2), 0, 200),
            ("city", self.city.clone(), 1, 120),
            ("region", optional(&self.region), 0, 60),
            ("postal_code", optional(&self.postal_code), 0, 20),
            ("phone", optional(&self.phone), 0, 40),
        ];
        let mut wrong = Vec::new();
        for (field, text, least, most) in &texts {
            let length = text.trim().chars().count();
            if length < *least || *most < length || text.chars().any(char::is_control) {
                let message = format!("Give {least} to {most} characters, none of them a control character.");
                wrong.push((format!("{pointer}/{field}"), "invalid_text", message));
            }
        }
        if !is_country(&self.country) {
            let message = "Give the country's ISO 3166-1 alpha-2 code, for example IN.".to_owned();
            wrong.push((format!("{pointer}/country"), "country_unknown", message));
        }
        refuse(wrong)?;
        for (field, text, ..) in &texts {
            let pointer = format!("{pointer}/{field}");
            if *field == "phone" { refuse_card_number_as_phone(&pointer, text)? } else { refuse_card_number(&pointer, text)? }
        }
        Ok(())
    }
}

fn refuse(wrong: Vec<(String, &'static str, String)>) -> Result<(), Fault> {
    let mut wrong = wrong.into_iter();
    let Some((pointer, code, message)) = wrong.next() else { return Ok(()) };
    let first = Fault::invalid(pointer, code, message);
    Err(wrong.fold(first, |fault, (pointer, code, message)| fault.at(pointer, code, message)))
}

/// Refuses what cannot be an e-mail address, and what looks like a card number. Whether the address exists shows when the
/// confirmation is sent.
pub(super) fn check_email(email: &str) -> Result<(), Fault> {
    let well_formed = email.len() <= 254
        && !email.chars().any(|letter| letter.is_whitespace() || letter.is_control())
        && email
            .split_once('@')
            .is_some_and(|(local, domain)| (1..=64).contains(&local.len()) && !domain.is_empty() && !domain.contains('@'));
    if well_formed {
        return refuse_card_number("/email", email);
    }
    Err(Fault::invalid("/email", "email_invalid", "Give an e-mail address such as name@example.com."))
}

/// The personal data of a buyer: encrypted where they are stored, absent from events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Personal {
    /// E-mail address for the confirmation.
    pub email: Option<String>,
    /// Address of the recipient.
    pub shipping_address: Option<Address>,
    /// Address for the invoice.
    pub billing_address: Option<Address>,
}

impl Personal {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses invalid parts, with all violations at once.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let address = |address: &Option<Address>, pointer| address.as_ref().map_or(Ok(()), |address| address.check(pointer));
        Fault::of_all([
            self.email.as_deref().map_or(Ok(()), check_email),
            address(&self.shipping_address, "/shipping_address"),
            address(&self.billing_address, "/billing_address"),
        ])
    }
}
