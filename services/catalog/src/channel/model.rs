//! The channel.

use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, Currency, LocationId, Metadata, MetadataPatch, Timestamp, is_country};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::merge_patch::set;
use crate::validator::Validator;

/// Most channels of a tenant.
pub(crate) const CHANNELS_MAX: i64 = 100;
/// Most locations that a channel names.
pub(crate) const LOCATIONS_MAX: usize = 100;

/// Whether prices include tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PriceBasis {
    /// Prices include tax.
    Gross,
    /// Tax comes on top.
    Net,
}

impl PriceBasis {
    /// The stored text.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Gross => "gross",
            Self::Net => "net",
        }
    }

    /// From the stored text.
    pub(crate) fn of(text: &str) -> Self {
        if text == "net" { Self::Net } else { Self::Gross }
    }
}

/// A way to sell: it fixes currency, price basis and the locations that serve it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    /// Unique code, for example `web-in`; imports name channels by it.
    pub(crate) code: String,
    /// Display name.
    pub(crate) name: String,
    /// The currency of its prices.
    pub(crate) currency: Currency,
    /// Whether its prices include tax.
    pub(crate) price_basis: PriceBasis,
    /// ISO 3166-1 alpha-2 country whose tax applies while no address is known.
    pub(crate) country: String,
    /// Stock locations, first served first; empty: every active location by its own priority.
    pub(crate) location_ids: Vec<LocationId>,
    /// Whether requests that name no channel get this one.
    pub(crate) is_default: bool,
    /// Whether it sells; an inactive channel answers like an unknown one.
    pub(crate) active: bool,
    /// The merchant's own data.
    pub(crate) metadata: Metadata,
    /// Version, raised by each change.
    pub(crate) version: i64,
    /// When it was created.
    pub(crate) created_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
}

/// Input to create a channel.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelCreate {
    /// Unique code, for example `web-in`.
    pub(crate) code: String,
    /// Display name.
    pub(crate) name: String,
    /// The currency of its prices; it never changes.
    pub(crate) currency: Currency,
    /// Whether its prices include tax; it never changes.
    pub(crate) price_basis: PriceBasis,
    /// ISO 3166-1 alpha-2 country whose tax applies while no address is known.
    pub(crate) country: String,
    /// Stock locations, first served first; empty: every active location by its own priority.
    #[serde(default)]
    pub(crate) location_ids: Vec<LocationId>,
    /// Whether requests that name no channel get this one; the tenant's first channel does in any case.
    #[serde(default)]
    pub(crate) is_default: bool,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// Changes of a channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelUpdate {
    /// Display name.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// ISO 3166-1 alpha-2 country.
    #[serde(default)]
    pub(crate) country: Option<String>,
    /// Stock locations, first served first.
    #[serde(default)]
    pub(crate) location_ids: Option<Vec<LocationId>>,
    /// `true` takes the role from the present default channel; `false` is refused for the default channel.
    #[serde(default)]
    pub(crate) is_default: Option<bool>,
    /// Whether it sells.
    #[serde(default)]
    pub(crate) active: Option<bool>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
}

impl Channel {
    /// A new channel; the tenant's first one is the default.
    pub(crate) fn new(id: ChannelId, now: Timestamp, input: ChannelCreate, first: bool) -> Result<Self, Fault> {
        let channel = Self {
            id,
            code: input.code,
            name: input.name,
            currency: input.currency,
            price_basis: input.price_basis,
            country: input.country,
            location_ids: input.location_ids,
            is_default: input.is_default || first,
            active: true,
            metadata: input.metadata,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        channel.validate()?;
        Ok(channel)
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: ChannelUpdate) -> Result<(), Fault> {
        if self.is_default && input.is_default == Some(false) {
            return Err(Fault::new(
                Code::Unprocessable,
                "default_channel_required",
                "A tenant has one default channel. Make another channel the default one instead.",
            ));
        }
        set(&mut self.name, input.name);
        set(&mut self.country, input.country);
        set(&mut self.location_ids, input.location_ids);
        set(&mut self.is_default, input.is_default);
        set(&mut self.active, input.active);
        if let Some(metadata) = input.metadata {
            self.metadata.merge(metadata)?;
        }
        self.version += 1;
        self.updated_at = now;
        self.validate()
    }

    fn validate(&self) -> Result<(), Fault> {
        let mut validator = Validator::default();
        validator.code("/code", &self.code);
        validator.text("/name", &self.name, 1, 255);
        if !is_country(&self.country) {
            validator.fail("/country", "country_unknown", "Give the country's ISO 3166-1 alpha-2 code, for example IN.");
        }
        validator.count("/location_ids", self.location_ids.len(), LOCATIONS_MAX);
        for (index, id) in self.location_ids.iter().enumerate() {
            if self.location_ids[..index].contains(id) {
                validator.fail(format!("/location_ids/{index}"), "duplicate", "This location is named twice.");
            }
        }
        if self.is_default && !self.active {
            validator.fail("/active", "default_channel_active", "The default channel stays active.");
        }
        validator.finish()
    }
}
