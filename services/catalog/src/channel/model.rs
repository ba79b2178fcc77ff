//! The channel.

use bloom_fault::{Code, Fault};
use bloom_kernel::{
    Aggregate, ChannelId, Country, Currency, Items, LocationId, Metadata, MetadataPatch, Name, PriceBasis, Timestamp,
    ViolationCode, set, update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::validator::Validator;
use crate::values::ObjectCode;

/// Most channels of a tenant.
pub(crate) const CHANNELS_MAX: i64 = 100;
/// Most locations that a channel names.
pub(crate) const LOCATIONS_MAX: usize = 100;

/// A way to sell: it fixes currency, price basis and the locations that serve it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    /// Unique code; imports name channels by it.
    pub(crate) code: ObjectCode,
    /// Display name.
    pub(crate) name: Name,
    /// The currency of its prices.
    pub(crate) currency: Currency,
    /// Whether its prices include tax.
    pub(crate) price_basis: PriceBasis,
    /// ISO 3166-1 alpha-2 country whose tax applies while no address is known.
    pub(crate) country: Country,
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
    /// Unique code.
    pub(crate) code: ObjectCode,
    /// Display name.
    pub(crate) name: Name,
    /// The currency of its prices; it never changes.
    pub(crate) currency: Currency,
    /// Whether its prices include tax; it never changes.
    pub(crate) price_basis: PriceBasis,
    /// ISO 3166-1 alpha-2 country whose tax applies while no address is known.
    pub(crate) country: Country,
    /// Stock locations, first served first; empty: every active location by its own priority.
    #[serde(default)]
    pub(crate) location_ids: Items<LocationId, 0, LOCATIONS_MAX>,
    /// Whether requests that name no channel get this one; the tenant's first channel does in any case.
    #[serde(default)]
    pub(crate) is_default: bool,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

update! {
    /// Changes of a channel.
    pub(crate) struct ChannelUpdate {
        /// Display name.
        pub(crate) name: Option<Name>,
        /// ISO 3166-1 alpha-2 country.
        pub(crate) country: Option<Country>,
        /// Stock locations, first served first.
        pub(crate) location_ids: Option<Items<LocationId, 0, LOCATIONS_MAX>>,
        /// `true` takes the role from the present default channel; `false` is refused for the default channel.
        pub(crate) is_default: Option<bool>,
        /// Whether it sells.
        pub(crate) active: Option<bool>,
        /// Merged into the present metadata; `null` removes a key.
        pub(crate) metadata: MetadataPatch,
    }
}

impl Channel {
    /// A new channel; the tenant's first one is the default.
    pub(crate) fn new(id: ChannelId, now: Timestamp, input: ChannelCreate, first: bool) -> Result<Self, Fault> {
        let ChannelCreate { code, name, currency, price_basis, country, location_ids, is_default, metadata } = input;
        let (location_ids, is_default) = (location_ids.into_vec(), is_default || first);
        let (active, version, created_at, updated_at) = (true, 1, now, now);
        let channel = Self {
            id,
            code,
            name,
            currency,
            price_basis,
            country,
            location_ids,
            is_default,
            active,
            metadata,
            version,
            created_at,
            updated_at,
        };
        channel.validate()?;
        Ok(channel)
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: ChannelUpdate) -> Result<(), Fault> {
        let ChannelUpdate { name, country, location_ids, is_default, active, metadata } = input;
        if self.is_default && is_default == Some(false) {
            return Err(Fault::new(
                Code::Unprocessable,
                "default_channel_required",
                "A tenant has one default channel. Make another channel the default one instead.",
            ));
        }
        set(&mut self.name, name);
        set(&mut self.country, country);
        set(&mut self.location_ids, location_ids.map(Items::into_vec));
        set(&mut self.is_default, is_default);
        set(&mut self.active, active);
        self.metadata.merge(metadata)?;
        self.version += 1;
        self.updated_at = now;
        self.validate()
    }

    fn validate(&self) -> Result<(), Fault> {
        let mut validator = Validator::default();
        for (index, id) in self.location_ids.iter().enumerate() {
            if self.location_ids[..index].contains(id) {
                validator.fail(format!("/location_ids/{index}"), ViolationCode::Duplicate, "This location is named twice.");
            }
        }
        if self.is_default && !self.active {
            validator.fail("/active", ViolationCode::Mismatch, "The default channel stays active.");
        }
        validator.finish()
    }
}

impl Aggregate for Channel {
    const NOUN: &'static str = "channel";
    type Id = ChannelId;

    fn id(&self) -> ChannelId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
