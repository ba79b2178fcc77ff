//! A price list: the terms that many prices share.

use bloom_kernel::metadata::MetadataError;
use bloom_kernel::{ChannelId, Currency, Metadata, MetadataPatch, PriceListId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::bounded::{Code, Name, present, present_moment};
use super::place::Country;

/// Whether the prices of a list take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Status {
    /// Being prepared.
    #[default]
    Draft,
    /// Takes part between its dates.
    Active,
    /// Kept for those who refer to it.
    Archived,
}

/// A price list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PriceList {
    /// The list.
    pub id: PriceListId,
    /// Unique among the lists.
    pub code: Code,
    /// For people.
    pub name: Name,
    /// Currency of all its prices; never changes.
    pub currency: Currency,
    /// The only channel that it is for; `null`: every channel.
    pub channel_id: Option<ChannelId>,
    /// Whether its prices include tax.
    pub gross: bool,
    /// The country whose tax gross prices include: goods that go elsewhere lose it and get the tax of there. `null`: the
    /// gross price is the same wherever the goods go.
    pub tax_country: Option<Country>,
    /// Valid from this moment on.
    pub starts_at: Option<Timestamp>,
    /// Valid until just before this moment.
    pub ends_at: Option<Timestamp>,
    /// The list of the highest priority wins; then the one for the channel, then the newest.
    pub priority: i32,
    /// Only an active list takes part.
    pub status: Status,
    /// The list that takes prices given without a list: one per currency, always on, for every channel.
    pub is_base: bool,
    /// What a caller likes to remember.
    #[schemars(with = "Metadata")]
    pub metadata: Json<Metadata>,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A price list to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListCreate {
    /// Unique among the lists.
    pub code: Code,
    /// For people.
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
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub starts_at: Option<Timestamp>,
    /// Valid until just before this moment.
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub ends_at: Option<Timestamp>,
    /// Higher wins; the base list has 0.
    #[serde(default)]
    pub priority: i32,
    /// `draft` when not said.
    #[serde(default)]
    pub status: Status,
    /// What to remember.
    #[serde(default)]
    pub metadata: Metadata,
}

/// What to change about a price list; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListUpdate {
    /// Unique among the lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The only channel that it is for; `null`: every channel.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<Option<ChannelId>>,
    /// Whether its prices include tax: says what the present prices mean, converts none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross: Option<bool>,
    /// The country whose tax gross prices include; `null`: none in particular.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tax_country: Option<Option<Country>>,
    /// Valid from this moment on; `null`: from ever.
    #[serde(default, deserialize_with = "present_moment", skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Option<Timestamp>>,
    /// Valid until just before this moment; `null`: for ever.
    #[serde(default, deserialize_with = "present_moment", skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Option<Timestamp>>,
    /// Higher wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Only an active list takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Merged into what is remembered; `null` forgets a key.
    #[serde(default, skip_serializing_if = "MetadataPatch::is_empty")]
    pub metadata: MetadataPatch,
}

/// Why a list cannot be as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It would end before it starts.
    #[error("a list ends after it starts")]
    EndsBeforeStart,
    /// It holds net prices and names a country whose tax they include.
    #[error("only gross prices include a country's tax")]
    TaxCountryOfNet,
    /// Its metadata would break a bound.
    #[error("{0}")]
    Metadata(MetadataError),
    /// The base list is always on, for every channel.
    #[error("the base list has no channel, no dates and is always active")]
    BaseIsFixed,
}

impl PriceList {
    /// A new list; its id and moment come from outside.
    pub fn create(id: PriceListId, input: PriceListCreate, now: Timestamp) -> Result<Self, ListError> {
        let list = Self {
            id,
            code: input.code,
            name: input.name,
            currency: input.currency,
            channel_id: input.channel_id,
            gross: input.gross,
            tax_country: input.tax_country,
            starts_at: input.starts_at,
            ends_at: input.ends_at,
            priority: input.priority,
            status: input.status,
            is_base: false,
            metadata: Json(input.metadata),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        list.checked()
    }

    /// The base list of a currency.
    pub fn base(id: PriceListId, currency: Currency, gross: bool, now: Timestamp) -> Result<Self, super::bounded::OutOfBounds> {
        Ok(Self {
            id,
            code: Code::of_base_list(currency),
            name: Name::try_from(format!("Base prices in {currency}"))?,
            currency,
            channel_id: None,
            gross,
            tax_country: None,
            starts_at: None,
            ends_at: None,
            priority: 0,
            status: Status::Active,
            is_base: true,
            metadata: Json(Metadata::default()),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// The list after a change.
    pub fn update(mut self, change: PriceListUpdate, now: Timestamp) -> Result<Self, ListError> {
        self.code = change.code.unwrap_or(self.code);
        self.name = change.name.unwrap_or(self.name);
        self.channel_id = change.channel_id.unwrap_or(self.channel_id);
        self.gross = change.gross.unwrap_or(self.gross);
        self.tax_country = change.tax_country.unwrap_or(self.tax_country);
        self.starts_at = change.starts_at.unwrap_or(self.starts_at);
        self.ends_at = change.ends_at.unwrap_or(self.ends_at);
        self.priority = change.priority.unwrap_or(self.priority);
        self.status = change.status.unwrap_or(self.status);
        self.metadata.0.merge(change.metadata).map_err(ListError::Metadata)?;
        self.version += 1;
        self.updated_at = now;
        self.checked()
    }

    fn checked(self) -> Result<Self, ListError> {
        let always_on =
            self.channel_id.is_none() && self.starts_at.is_none() && self.ends_at.is_none() && self.status == Status::Active;
        if self.starts_at.zip(self.ends_at).is_some_and(|(start, end)| end <= start) {
            Err(ListError::EndsBeforeStart)
        } else if !self.gross && self.tax_country.is_some() {
            Err(ListError::TaxCountryOfNet)
        } else if self.is_base && !always_on {
            Err(ListError::BaseIsFixed)
        } else {
            Ok(self)
        }
    }
}
