//! A price list: the terms that many prices share.

use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency, Metadata, MetadataPatch, PriceListId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::bounded::{Code, Name, present, present_moment};
use crate::error::unprocessable;
use crate::place::Country;

/// Whether the prices of a list count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum PriceListStatus {
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
pub(crate) struct PriceList {
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
    pub priority: i32,
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
pub(crate) struct PriceListCreate {
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
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub starts_at: Option<Timestamp>,
    /// Valid until just before this moment.
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub ends_at: Option<Timestamp>,
    /// Higher wins; the base list has 0.
    #[serde(default)]
    pub priority: i32,
    /// `draft` when left out.
    #[serde(default)]
    pub status: PriceListStatus,
    /// Key-value pairs of the caller.
    #[serde(default)]
    pub metadata: Metadata,
}

/// Changes to a price list; a field that is left out keeps its value.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceListUpdate {
    /// Unique among the lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The only channel that it is for; `null`: every channel.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<Option<ChannelId>>,
    /// Whether its prices include tax. Changes the meaning of the existing prices; their amounts stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross: Option<bool>,
    /// The country whose tax gross prices include; `null`: none in particular.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tax_country: Option<Option<Country>>,
    /// Valid from this moment on; `null`: no start.
    #[serde(default, deserialize_with = "present_moment", skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Option<Timestamp>>,
    /// Valid until just before this moment; `null`: no end.
    #[serde(default, deserialize_with = "present_moment", skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Option<Timestamp>>,
    /// Higher wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Only the prices of an active list count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PriceListStatus>,
    /// Merged into the present pairs; `null` removes a key.
    #[serde(default, skip_serializing_if = "MetadataPatch::is_empty")]
    pub metadata: MetadataPatch,
}

impl PriceList {
    pub(crate) fn new(id: PriceListId, now: Timestamp, input: PriceListCreate) -> Result<Self, Fault> {
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
        list.check()?;
        Ok(list)
    }

    /// The base list of a currency.
    pub(crate) fn base(id: PriceListId, now: Timestamp, currency: Currency, gross: bool) -> Self {
        Self {
            id,
            code: Code::of_base_list(currency),
            name: Name::of_base_list(currency),
            currency,
            channel_id: None,
            gross,
            tax_country: None,
            starts_at: None,
            ends_at: None,
            priority: 0,
            status: PriceListStatus::Active,
            is_base: true,
            metadata: Json(Metadata::default()),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    pub(crate) fn update(&mut self, now: Timestamp, input: PriceListUpdate) -> Result<(), Fault> {
        set(&mut self.code, input.code);
        set(&mut self.name, input.name);
        set(&mut self.channel_id, input.channel_id);
        set(&mut self.gross, input.gross);
        set(&mut self.tax_country, input.tax_country);
        set(&mut self.starts_at, input.starts_at);
        set(&mut self.ends_at, input.ends_at);
        set(&mut self.priority, input.priority);
        set(&mut self.status, input.status);
        self.metadata.0.merge(input.metadata)?;
        self.version += 1;
        self.updated_at = now;
        self.check()
    }

    /// What several fields decide together.
    fn check(&self) -> Result<(), Fault> {
        let dated = self.starts_at.is_some() || self.ends_at.is_some();
        if self.starts_at.zip(self.ends_at).is_some_and(|(start, end)| end <= start) {
            Err(unprocessable("/ends_at", "ends_before_start", "A list ends after it starts."))
        } else if !self.gross && self.tax_country.is_some() {
            Err(unprocessable("/tax_country", "tax_country_of_net", "Only gross prices include a country's tax."))
        } else if self.is_base && (self.channel_id.is_some() || dated || self.status != PriceListStatus::Active) {
            Err(unprocessable("", "base_list_fixed", "The base list has no channel, no dates and is always active."))
        } else {
            Ok(())
        }
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
