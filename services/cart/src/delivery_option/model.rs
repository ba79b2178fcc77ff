//! A delivery option, its inputs, where it serves and what it charges.

use bloom_fault::{Fault, refuse_card_number, refuse_card_numbers};
use bloom_kernel::{ChannelId, Currency, DeliveryOptionId, Metadata, MetadataPatch, TaxClassId, Timestamp, is_country};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::patch::{merge_metadata, nullable};

/// The most steps of a weight table.
const STEPS_MAX: usize = 50;
/// The largest charge in minor units.
const CHARGE_MAX: i64 = 1_000_000_000_000;

/// A table of charges in minor units of the option's currency, in the price basis of the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum DeliveryCharge {
    /// The same for every cart.
    Flat {
        /// Minor units.
        #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
        amount: i64,
    },
    /// By the weight of the lines that need a delivery: the first step that is not below it. Above the last step the option
    /// does not serve.
    Weight {
        /// In ascending order of weight.
        #[schemars(length(min = 1, max = 50))]
        steps: Vec<DeliveryWeightStep>,
    },
}

/// One row of a weight table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryWeightStep {
    /// The weight up to which it applies, in grams.
    #[schemars(range(min = 1))]
    pub up_to_grams: i64,
    /// Minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub amount: i64,
}

impl DeliveryCharge {
    /// The charge for a weight; none when the table ends below it.
    pub(super) fn amount(&self, grams: i64) -> Option<i64> {
        match self {
            Self::Flat { amount } => Some(*amount),
            Self::Weight { steps } => steps.iter().find(|step| grams <= step.up_to_grams).map(|step| step.amount),
        }
    }

    /// Refuses negative charges and tables that are empty, unordered or too long.
    pub(super) fn check(&self) -> Result<(), Fault> {
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
                        return Err(Fault::invalid(pointer, "steps_unordered", "Give the steps in ascending order of weight."));
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

/// A way to deliver, with its charges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryOption {
    /// Its id.
    pub id: DeliveryOptionId,
    /// Code of the merchant, unique.
    pub code: String,
    /// Name for buyers.
    pub name: String,
    /// The only channel that it serves; `null`: every channel of the currency.
    pub channel_id: Option<ChannelId>,
    /// Currency of its charges.
    pub currency: Currency,
    /// Countries that it serves; empty: all.
    pub countries: Vec<String>,
    /// Its table of charges.
    pub charge: DeliveryCharge,
    /// How the charge is taxed; `null`: the tenant's default class.
    pub tax_class_id: Option<TaxClassId>,
    /// Whether buyers can choose it.
    pub active: bool,
    /// Position in lists, lowest first.
    pub position: i32,
    /// Key-value pairs of the merchant.
    pub metadata: Metadata,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

const fn active() -> bool {
    true
}

/// A new delivery option.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryOptionCreate {
    /// Code of the merchant, unique.
    #[schemars(length(min = 1, max = 64))]
    pub code: String,
    /// Name for buyers.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The only channel that it serves; absent: every channel of the currency.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// Currency of its charges.
    pub currency: Currency,
    /// Countries that it serves; absent or empty: all.
    #[serde(default)]
    #[schemars(length(max = 250))]
    pub countries: Vec<String>,
    /// Its table of charges.
    pub charge: DeliveryCharge,
    /// How the charge is taxed; absent: the tenant's default class.
    #[serde(default)]
    pub tax_class_id: Option<TaxClassId>,
    /// Whether buyers can choose it.
    #[serde(default = "active")]
    pub active: bool,
    /// Position in lists, lowest first.
    #[serde(default)]
    pub position: i32,
    /// Key-value pairs of the merchant.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a delivery option: absent fields stay, `null` clears.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeliveryOptionUpdate {
    /// Code of the merchant, unique.
    pub code: Option<String>,
    /// Name for buyers.
    pub name: Option<String>,
    /// The only channel that it serves.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ChannelId>")]
    pub channel_id: Option<Option<ChannelId>>,
    /// Currency of its charges.
    pub currency: Option<Currency>,
    /// Countries that it serves; empty: all.
    pub countries: Option<Vec<String>>,
    /// Its table of charges.
    pub charge: Option<DeliveryCharge>,
    /// How the charge is taxed.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TaxClassId>")]
    pub tax_class_id: Option<Option<TaxClassId>>,
    /// Whether buyers can choose it.
    pub active: Option<bool>,
    /// Position in lists, lowest first.
    pub position: Option<i32>,
    /// Pairs to merge into the metadata; `null` removes a key.
    pub metadata: Option<MetadataPatch>,
}

/// What is to be delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parcel<'a> {
    pub(crate) channel: ChannelId,
    pub(crate) currency: Currency,
    /// Country of the shipping address, when known.
    pub(crate) country: Option<&'a str>,
    /// Weight of the lines that need a delivery.
    pub(crate) grams: i64,
}

impl DeliveryOption {
    /// A new option.
    pub(super) fn new(id: DeliveryOptionId, input: DeliveryOptionCreate, now: Timestamp) -> Result<Self, Fault> {
        let option = Self {
            id,
            code: input.code,
            name: input.name,
            channel_id: input.channel_id,
            currency: input.currency,
            countries: input.countries,
            charge: input.charge,
            tax_class_id: input.tax_class_id,
            active: input.active,
            position: input.position,
            metadata: input.metadata,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        option.check()?;
        Ok(option)
    }

    /// The option with the given fields changed, in the same version.
    pub(super) fn updated(mut self, input: &DeliveryOptionUpdate) -> Result<Self, Fault> {
        if let Some(code) = &input.code {
            self.code.clone_from(code);
        }
        if let Some(name) = &input.name {
            self.name.clone_from(name);
        }
        if let Some(countries) = &input.countries {
            self.countries.clone_from(countries);
        }
        if let Some(charge) = &input.charge {
            self.charge.clone_from(charge);
        }
        if let Some(metadata) = &input.metadata {
            merge_metadata(&mut self.metadata, metadata.clone())?;
        }
        self.channel_id = input.channel_id.unwrap_or(self.channel_id);
        self.tax_class_id = input.tax_class_id.unwrap_or(self.tax_class_id);
        self.currency = input.currency.unwrap_or(self.currency);
        self.active = input.active.unwrap_or(self.active);
        self.position = input.position.unwrap_or(self.position);
        self.check()?;
        Ok(self)
    }

    /// The charge for a parcel, or why the option does not serve it.
    pub(crate) fn charge_for(&self, parcel: &Parcel) -> Result<i64, &'static str> {
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

    /// Refuses invalid values.
    fn check(&self) -> Result<(), Fault> {
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
