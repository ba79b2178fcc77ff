//! Channels: ways to sell.

use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, Currency, LocationId, Metadata, MetadataPatch, Timestamp, is_country};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::patch::set;

/// Most locations that a channel names.
pub const LOCATIONS_MAX: usize = 100;

/// Whether prices include tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    /// Prices include tax.
    Gross,
    /// Tax comes on top.
    Net,
}

impl PriceBasis {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gross => "gross",
            Self::Net => "net",
        }
    }

    /// From what is stored.
    pub fn of(text: &str) -> Self {
        if text == "net" { Self::Net } else { Self::Gross }
    }
}

/// A way to sell: it fixes currency, price basis and the locations that serve it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// Unique code, for example `web-in`; imports name channels by it.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// The currency of its prices.
    pub currency: Currency,
    /// Whether its prices include tax.
    pub price_basis: PriceBasis,
    /// ISO 3166-1 alpha-2 country whose tax applies while no address is known.
    pub country: String,
    /// Stock locations, first served first; empty: every active location by its own priority.
    pub location_ids: Vec<LocationId>,
    /// Whether requests that name no channel get this one.
    pub is_default: bool,
    /// Whether it sells; an inactive channel answers like an unknown one.
    pub active: bool,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Counts its changes.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A channel to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelCreate {
    /// Unique code, for example `web-in`.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// The currency of its prices; fixed for ever.
    pub currency: Currency,
    /// Whether its prices include tax; fixed for ever.
    pub price_basis: PriceBasis,
    /// ISO 3166-1 alpha-2 country whose tax applies while no address is known.
    pub country: String,
    /// Stock locations, first served first; empty: every active location by its own priority.
    #[serde(default)]
    pub location_ids: Vec<LocationId>,
    /// Whether requests that name no channel get this one; the tenant's first channel does in any case.
    #[serde(default)]
    pub is_default: bool,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelPatch {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// ISO 3166-1 alpha-2 country.
    #[serde(default)]
    pub country: Option<String>,
    /// Stock locations, first served first.
    #[serde(default)]
    pub location_ids: Option<Vec<LocationId>>,
    /// `true` takes the role from the present default channel; `false` is refused for the default channel.
    #[serde(default)]
    pub is_default: Option<bool>,
    /// Whether it sells.
    #[serde(default)]
    pub active: Option<bool>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
}

impl Channel {
    /// A new channel.
    pub fn create(id: ChannelId, input: ChannelCreate, first: bool, now: Timestamp) -> Result<Self, Fault> {
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

    /// The channel after a change.
    pub fn patched(mut self, patch: ChannelPatch, now: Timestamp) -> Result<Self, Fault> {
        if self.is_default && patch.is_default == Some(false) {
            return Err(Fault::new(
                Code::Unprocessable,
                "default_channel_required",
                "A tenant has one default channel. Make another channel the default one instead.",
            ));
        }
        set(&mut self.name, patch.name);
        set(&mut self.country, patch.country);
        set(&mut self.location_ids, patch.location_ids);
        set(&mut self.is_default, patch.is_default);
        set(&mut self.active, patch.active);
        if let Some(metadata) = patch.metadata {
            self.metadata.merge(metadata)?;
        }
        self.version += 1;
        self.updated_at = now;
        self.validate()?;
        Ok(self)
    }

    fn validate(&self) -> Result<(), Fault> {
        let mut checks = Checks::default();
        checks.code("/code", &self.code);
        checks.text("/name", &self.name, 1, 255);
        if !is_country(&self.country) {
            checks.fail("/country", "country_unknown", "Give the country's ISO 3166-1 alpha-2 code, for example IN.");
        }
        checks.count("/location_ids", self.location_ids.len(), LOCATIONS_MAX);
        for (index, id) in self.location_ids.iter().enumerate() {
            if self.location_ids[..index].contains(id) {
                checks.fail(format!("/location_ids/{index}"), "duplicate", "This location is named twice.");
            }
        }
        if self.is_default && !self.active {
            checks.fail("/active", "default_channel_active", "The default channel stays active.");
        }
        checks.finish()
    }
}
