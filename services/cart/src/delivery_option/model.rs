//! A delivery option, its inputs, where it serves and what it charges.

use bloom_fault::{Fault, refuse_card_number, refuse_card_numbers};
use bloom_kernel::{
    Aggregate, ChannelId, Code, Country, Currency, DeliveryOptionId, Items, Metadata, MetadataPatch, Name, Patch, TaxClassId,
    Timestamp, ViolationCode, number, set, update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

number! {
    /// A charge in minor units.
    pub(crate) struct ChargeAmount(i64) { range: 0..=1_000_000_000_000, example: 4_900 }

    /// A weight in grams.
    pub(crate) struct Grams(i64) { range: 1..=1_000_000_000, example: 1_000 }
}

/// A table of charges in minor units of the option's currency, in the price basis of the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum DeliveryCharge {
    /// The same for every cart.
    Flat {
        /// Minor units.
        amount: ChargeAmount,
    },
    /// By the weight of the lines that need a delivery: the first step that is not below it. Above the last step the option
    /// does not serve.
    Weight {
        /// In ascending order of weight.
        steps: Items<DeliveryWeightStep, 1, 50>,
    },
}

/// One row of a weight table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryWeightStep {
    /// The weight up to which it applies, in grams.
    pub up_to_grams: Grams,
    /// Minor units.
    pub amount: ChargeAmount,
}

/// A way to deliver, with its charges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct DeliveryOption {
    /// Its id.
    pub id: DeliveryOptionId,
    /// Code of the merchant, unique.
    pub code: Code,
    /// Name for buyers.
    pub name: Name,
    /// The only channel that it serves; `null`: every channel of the currency.
    pub channel_id: Option<ChannelId>,
    /// Currency of its charges.
    pub currency: Currency,
    /// Countries that it serves; empty: all.
    pub countries: Vec<Country>,
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

/// A new delivery option.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryOptionCreate {
    /// Code of the merchant, unique.
    pub code: Code,
    /// Name for buyers.
    pub name: Name,
    /// The only channel that it serves; absent: every channel of the currency.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// Currency of its charges.
    pub currency: Currency,
    /// Countries that it serves; absent or empty: all.
    #[serde(default)]
    pub countries: Items<Country, 0, 250>,
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

const fn active() -> bool {
    true
}

update! {
    /// A change of a delivery option: absent fields stay, `null` clears.
    pub(crate) struct DeliveryOptionUpdate {
        /// Code of the merchant, unique.
        pub code: Option<Code>,
        /// Name for buyers.
        pub name: Option<Name>,
        /// The only channel that it serves.
        pub channel_id: Patch<ChannelId>,
        /// Currency of its charges.
        pub currency: Option<Currency>,
        /// Countries that it serves; empty: all.
        pub countries: Option<Items<Country, 0, 250>>,
        /// Its table of charges.
        pub charge: Option<DeliveryCharge>,
        /// How the charge is taxed.
        pub tax_class_id: Patch<TaxClassId>,
        /// Whether buyers can choose it.
        pub active: Option<bool>,
        /// Position in lists, lowest first.
        pub position: Option<i32>,
        /// Pairs to merge into the metadata; `null` removes a key.
        pub metadata: MetadataPatch,
    }
}

/// What is to be delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parcel<'a> {
    pub(crate) channel: ChannelId,
    pub(crate) currency: Currency,
    /// Country of the shipping address, when known.
    pub(crate) country: Option<&'a Country>,
    /// Weight of the lines that need a delivery.
    pub(crate) grams: i64,
}

impl DeliveryCharge {
    /// The charge for a weight; none when the table ends below it.
    pub(super) fn amount(&self, grams: i64) -> Option<i64> {
        match self {
            Self::Flat { amount } => Some(amount.get()),
            Self::Weight { steps } => {
                let step = steps.iter().find(|step| grams <= step.up_to_grams.get());
                step.map(|step| step.amount.get())
            }
        }
    }

    /// Refuses steps that are not in ascending order of weight.
    pub(super) fn check_order(&self) -> Result<(), Fault> {
        let Self::Weight { steps } = self else { return Ok(()) };
        match steps.windows(2).position(|pair| pair[1].up_to_grams <= pair[0].up_to_grams) {
            None => Ok(()),
            Some(index) => {
                let pointer = format!("/charge/steps/{}/up_to_grams", index + 1);
                Err(Fault::invalid(pointer, ViolationCode::Mismatch, "Give the steps in ascending order of weight."))
            }
        }
    }
}

impl DeliveryOption {
    /// A new option.
    pub(super) fn new(id: DeliveryOptionId, now: Timestamp, input: DeliveryOptionCreate) -> Result<Self, Fault> {
        let option = Self {
            id,
            code: input.code,
            name: input.name,
            channel_id: input.channel_id,
            currency: input.currency,
            countries: input.countries.into_vec(),
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

    /// Changes the given fields; the version stays.
    pub(super) fn update(&mut self, input: DeliveryOptionUpdate) -> Result<(), Fault> {
        set(&mut self.code, input.code);
        set(&mut self.name, input.name);
        input.channel_id.apply(&mut self.channel_id);
        set(&mut self.currency, input.currency);
        set(&mut self.countries, input.countries.map(Items::into_vec));
        set(&mut self.charge, input.charge);
        input.tax_class_id.apply(&mut self.tax_class_id);
        set(&mut self.active, input.active);
        set(&mut self.position, input.position);
        self.metadata.merge(input.metadata)?;
        self.check()
    }

    fn check(&self) -> Result<(), Fault> {
        refuse_card_number("/name", &self.name)?;
        refuse_card_numbers(self.metadata.pairs())?;
        self.charge.check_order()
    }

    /// The charge for a parcel, or why the option does not serve it.
    pub(crate) fn charge_for(&self, parcel: &Parcel) -> Result<i64, &'static str> {
        if !self.active {
            return Err("This delivery option is no longer offered.");
        }
        if self.currency != parcel.currency || self.channel_id.is_some_and(|channel| channel != parcel.channel) {
            return Err("This delivery option does not serve this channel.");
        }
        let serves = |country: &Country| self.countries.is_empty() || self.countries.contains(country);
        if !parcel.country.is_none_or(serves) {
            return Err("This delivery option does not serve the country of the shipping address.");
        }
        self.charge.amount(parcel.grams).ok_or("This delivery option does not carry so much weight.")
    }
}

impl Aggregate for DeliveryOption {
    const NOUN: &'static str = "delivery_option";
    type Id = DeliveryOptionId;

    fn id(&self) -> DeliveryOptionId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
