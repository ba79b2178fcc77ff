//! A price list: the terms that many prices share.

use bloom_fault::{Fault, ViolationCode};
use bloom_kernel::{
    Aggregate, ChannelId, Country, Currency, InvalidValue, Metadata, MetadataPatch, Moment, Name, Patch, PriceListId, Timestamp,
    set, update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::bounded::{Code, ListPriority};
use crate::error::unprocessable;

/// Whether the prices of a list count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PriceListStatus {
    /// In preparation.
    #[default]
    Draft,
    /// Its prices count between its dates.
    Active,
    /// Out of use; kept because orders refer to it.
    Archived,
}

/// A price list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PriceList {
    /// The list.
    pub id: PriceListId,
    /// Unique among the lists.
    pub code: Code,
    /// Name for people.
    pub name: Name,
    /// Currency of all its prices. It never changes.
    pub currency: Currency,
    /// The only channel that it is for; `null`: every channel.
    pub channel_id: Option<ChannelId>,
    /// Whether its prices include tax.
    pub gross: bool,
    /// The country whose tax gross prices include: for goods that go elsewhere it is removed, and the tax of their
    /// destination is added. `null`: the gross price is the same for every destination.
    pub tax_country: Option<Country>,
    /// Valid from this moment on.
    pub starts_at: Option<Timestamp>,
    /// Valid until just before this moment.
    pub ends_at: Option<Timestamp>,
    /// The list of the highest priority wins; then the one for the channel, then the newest.
    pub priority: ListPriority,
    /// Only the prices of an active list count.
    pub status: PriceListStatus,
    /// Whether prices that name no list go here: one list per currency, always active, for every channel.
    pub is_base: bool,
    /// Key-value pairs of the caller.
    #[schemars(with = "Metadata")]
    pub metadata: Json<Metadata>,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A price list to create.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListCreate {
    /// Unique among the lists.
    pub code: Code,
    /// Name for people.
    pub name: Name,
    /// Currency of all its prices.
    pub currency: Currency,
    /// The only channel that it is for.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// Whether its prices include tax.
    pub gross: bool,
    /// The country whose tax gross prices include.
    #[serde(default)]
    pub tax_country: Option<Country>,
    /// Valid from this moment on.
    #[serde(default)]
    pub starts_at: Option<Moment>,
    /// Valid until just before this moment.
    #[serde(default)]
    pub ends_at: Option<Moment>,
    /// Higher wins; the base list has 0.
    #[serde(default)]
    pub priority: ListPriority,
    /// `draft` when left out.
    #[serde(default)]
    pub status: PriceListStatus,
    /// Key-value pairs of the caller.
    #[serde(default)]
    pub metadata: Metadata,
}

update! {
    /// Changes to a price list; a field that is left out keeps its value.
    pub struct PriceListUpdate {
        /// Unique among the lists.
        pub code: Option<Code>,
        /// Name for people.
        pub name: Option<Name>,
        /// The only channel that it is for; `null`: every channel.
        pub channel_id: Patch<ChannelId>,
        /// Whether its prices include tax. Changes the meaning of the existing prices; their amounts stay.
        pub gross: Option<bool>,
        /// The country whose tax gross prices include; `null`: none in particular.
        pub tax_country: Patch<Country>,
        /// Valid from this moment on; `null`: no start.
        pub starts_at: Patch<Moment>,
        /// Valid until just before this moment; `null`: no end.
        pub ends_at: Patch<Moment>,
        /// Higher wins.
        pub priority: Option<ListPriority>,
        /// Only the prices of an active list count.
        pub status: Option<PriceListStatus>,
        /// Merged into the present pairs; `null` removes a key.
        pub metadata: MetadataPatch,
    }
}

/// Which price lists a list holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListFilter {
    /// Of this status.
    pub status: Option<PriceListStatus>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// For this channel only.
    pub channel_id: Option<ChannelId>,
}

impl PriceList {
    pub(super) fn new(id: PriceListId, now: Timestamp, input: PriceListCreate) -> Result<Self, Fault> {
        let list = Self {
            id,
            code: input.code,
            name: input.name,
            currency: input.currency,
            channel_id: input.channel_id,
            gross: input.gross,
            tax_country: input.tax_country,
            starts_at: input.starts_at.map(Moment::get),
            ends_at: input.ends_at.map(Moment::get),
            priority: input.priority,
            status: input.status,
            is_base: false,
            metadata: Json(input.metadata),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        list.check()?;
        Ok(list)
    }

    /// The base list of a currency.
    pub fn base(id: PriceListId, now: Timestamp, currency: Currency, gross: bool) -> Result<Self, InvalidValue> {
        Ok(Self {
            id,
            code: Code::new(format!("base-{}", currency.as_str().to_ascii_lowercase()))?,
            name: Name::new(format!("Base prices in {currency}"))?,
            currency,
            channel_id: None,
            gross,
            tax_country: None,
            starts_at: None,
            ends_at: None,
            priority: ListPriority::default(),
            status: PriceListStatus::Active,
            is_base: true,
            metadata: Json(Metadata::default()),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    pub(super) fn update(&mut self, now: Timestamp, input: PriceListUpdate) -> Result<(), Fault> {
        set(&mut self.code, input.code);
        set(&mut self.name, input.name);
        input.channel_id.apply(&mut self.channel_id);
        set(&mut self.gross, input.gross);
        input.tax_country.apply(&mut self.tax_country);
        set_moment(&mut self.starts_at, input.starts_at);
        set_moment(&mut self.ends_at, input.ends_at);
        set(&mut self.priority, input.priority);
        set(&mut self.status, input.status);
        self.metadata.0.merge(input.metadata)?;
        self.version += 1;
        self.updated_at = now;
        self.check()
    }

    /// What several fields decide together.
    fn check(&self) -> Result<(), Fault> {
        let refuse = |pointer, reason, code, detail: &str| Err(unprocessable(pointer, reason, code, detail));
        let fixed = |pointer| {
            let detail = "The base list has no channel, no dates and is always active.";
            refuse(pointer, "base_list_fixed", ViolationCode::Immutable, detail)
        };
        if self.starts_at.zip(self.ends_at).is_some_and(|(start, end)| end <= start) {
            refuse("/ends_at", "ends_before_start", ViolationCode::OutOfRange, "A list ends after it starts.")
        } else if !self.gross && self.tax_country.is_some() {
            let detail = "Only gross prices include a country's tax.";
            refuse("/tax_country", "tax_country_of_net", ViolationCode::Excluded, detail)
        } else if self.is_base && self.channel_id.is_some() {
            fixed("/channel_id")
        } else if self.is_base && self.starts_at.is_some() {
            fixed("/starts_at")
        } else if self.is_base && self.ends_at.is_some() {
            fixed("/ends_at")
        } else if self.is_base && self.status != PriceListStatus::Active {
            fixed("/status")
        } else {
            Ok(())
        }
    }
}

fn set_moment(field: &mut Option<Timestamp>, change: Patch<Moment>) {
    match change {
        Patch::Absent => {}
        Patch::Null => *field = None,
        Patch::Value(moment) => *field = Some(moment.get()),
    }
}

impl Aggregate for PriceList {
    const NOUN: &'static str = "price_list";
    type Id = PriceListId;

    fn id(&self) -> PriceListId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
