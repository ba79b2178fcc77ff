//! Delivery options: where they serve and what they charge.

use bloom_fault::{Fault, refuse_card_number, refuse_card_numbers};
use bloom_kernel::{ChannelId, Currency, DeliveryOptionId, Metadata, TaxClassId, Timestamp, is_country};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most steps of a weight table.
pub const STEPS_MAX: usize = 50;
/// Largest charge in minor units.
pub const CHARGE_MAX: i64 = 1_000_000_000_000;

/// A table of charges in minor units of the option's currency, in the price basis of the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Charge {
    /// The same for every cart.
    Flat {
        /// Minor units.
        #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
        amount: i64,
    },
    /// By the weight of what is shipped: the first step that reaches it. Above the last step the option does not serve.
    Weight {
        /// In rising order of weight.
        #[schemars(length(min = 1, max = 50))]
        steps: Vec<WeightStep>,
    },
}

/// One row of a weight table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightStep {
    /// Up to and including so many grams.
    #[schemars(range(min = 1))]
    pub up_to_grams: i64,
    /// Minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub amount: i64,
}

impl Charge {
    /// The charge for a weight; nothing when the table ends below it.
    pub fn amount(&self, grams: i64) -> Option<i64> {
        match self {
            Self::Flat { amount } => Some(*amount),
            Self::Weight { steps } => steps.iter().find(|step| grams <= step.up_to_grams).map(|step| step.amount),
        }
    }

    /// Refuses negative charges and tables that are empty, unordered or too long.
    pub fn check(&self) -> Result<(), Fault> {
        let amount_ok = |amount: i64| (0..=CHARGE_MAX).contains(&amount);
        match self {
            Self::Flat { amount } if amount_ok(*amount) => Ok(()),
            Self::Flat { .. } => Err(out_of_range("/charge/amount")),
            Self::Weight { steps } => {
                if steps.is_empty() || STEPS_MAX < steps.len() {
                    let message = format!("Give 1 to {STEPS_MAX} steps.");
                    return Err(Fault::invalid("/charge/steps", "steps_count", message));
                }
                let mut below = 0;
                for (index, step) in steps.iter().enumerate() {
                    if step.up_to_grams <= below {
                        let pointer = format!("/charge/steps/{index}/up_to_grams");
                        return Err(Fault::invalid(pointer, "steps_unordered", "Give the steps in rising order of weight."));
                    }
                    if !amount_ok(step.amount) {
                        return Err(out_of_range(&format!("/charge/steps/{index}/amount")));
                    }
                    below = step.up_to_grams;
                }
                Ok(())
            }
        }
    }
}

fn out_of_range(pointer: &str) -> Fault {
    Fault::invalid(pointer, "amount_out_of_range", format!("A charge is between 0 and {CHARGE_MAX} minor units."))
}

/// A way to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryOption {
    /// Its id.
    pub id: DeliveryOptionId,
    /// The merchant's own word for it, unique.
    pub code: String,
    /// What buyers read.
    pub name: String,
    /// The only channel that it serves; `null`: every channel of the currency.
    pub channel_id: Option<ChannelId>,
    /// Currency of its charges.
    pub currency: Currency,
    /// Countries that it serves; empty: all.
    pub countries: Vec<String>,
    /// What it costs.
    pub charge: Charge,
    /// How the charge is taxed; `null`: the tenant's default class.
    pub tax_class_id: Option<TaxClassId>,
    /// False: not offered any more.
    pub active: bool,
    /// Place in lists, lowest first.
    pub position: i32,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a delivery has to do.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    /// Channel that sells.
    pub channel: ChannelId,
    /// Currency of the cart.
    pub currency: Currency,
    /// Country that it goes to, when known.
    pub country: Option<&'a str>,
    /// Weight of everything that has to be shipped.
    pub grams: i64,
}

impl DeliveryOption {
    /// The charge for a parcel, or why the option does not serve it.
    pub fn charge_for(&self, parcel: &Parcel) -> Result<i64, &'static str> {
        if !self.active {
            return Err("This delivery option is no longer offered.");
        }
        if self.currency != parcel.currency || self.channel_id.is_some_and(|channel| channel != parcel.channel) {
            return Err("This delivery option does not serve this channel.");
        }
        let serves = |country: &str| self.countries.is_empty() || self.countries.iter().any(|served| served == country);
        if !parcel.country.is_none_or(serves) {
            return Err("This delivery option does not serve the country of the shipping address.");
        }
        self.charge.amount(parcel.grams).ok_or("This delivery option does not carry so much weight.")
    }

    /// Refuses what does not fit.
    pub fn check(&self) -> Result<(), Fault> {
        let code_ok = (1..=64).contains(&self.code.len())
            && self.code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !code_ok {
            let message = "A code has 1 to 64 letters, digits, hyphens, underscores or dots.";
            return Err(Fault::invalid("/code", "code_invalid", message));
        }
        if !(1..=200).contains(&self.name.trim().chars().count()) || self.name.chars().any(char::is_control) {
            return Err(Fault::invalid(
                "/name",
                "name_invalid",
                "A name has 1 to 200 characters, none of them a control character.",
            ));
        }
        refuse_card_number("/name", &self.name)?;
        refuse_card_numbers(self.metadata.pairs())?;
        if 250 < self.countries.len() {
            return Err(Fault::invalid("/countries", "countries_count", "Give at most 250 countries."));
        }
        for (index, country) in self.countries.iter().enumerate() {
            if !is_country(country) {
                let message = "Give ISO 3166-1 alpha-2 codes, for example IN.";
                return Err(Fault::invalid(format!("/countries/{index}"), "country_unknown", message));
            }
        }
        self.charge.check()
    }
}
