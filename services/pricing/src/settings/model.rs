//! The settings and their changes.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use bloom_kernel::{Aggregate, Rounding, set, update};
use schemars::JsonSchema;
use serde::Serialize;

/// How a tenant calculates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PricingSettings {
    /// How half a minor unit is rounded.
    pub rounding: Rounding,
    /// Whether base lists created on demand hold prices that include tax.
    pub base_lists_gross: bool,
    /// Rises with every change; 0: never set.
    pub version: i64,
    /// Counts the changes that may change a calculation of tax.
    #[serde(skip)]
    #[schemars(skip)]
    pub tax_version: i64,
}

update! {
    /// Changes to the settings; a field that is left out keeps its value.
    pub struct PricingSettingsUpdate {
        /// How half a minor unit is rounded.
        pub rounding: Option<Rounding>,
        /// Whether base lists created on demand hold prices that include tax.
        pub base_lists_gross: Option<bool>,
    }
}

impl Default for PricingSettings {
    fn default() -> Self {
        Self { rounding: Rounding::HalfUp, base_lists_gross: true, version: 0, tax_version: 0 }
    }
}

impl PricingSettings {
    pub(super) fn update(&mut self, input: &PricingSettingsUpdate) {
        let PricingSettingsUpdate { rounding, base_lists_gross } = input;
        set(&mut self.rounding, *rounding);
        set(&mut self.base_lists_gross, *base_lists_gross);
        self.version += 1;
    }
}

/// The id of the settings in events: `settings`, because a tenant has them once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingsId;

impl fmt::Display for SettingsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings")
    }
}

impl FromStr for SettingsId {
    type Err = Infallible;

    fn from_str(_: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl Aggregate for PricingSettings {
    const NOUN: &'static str = "settings";
    type Id = SettingsId;

    fn id(&self) -> SettingsId {
        SettingsId
    }

    fn version(&self) -> i64 {
        self.version
    }

    /// A tenant has settings from the start: the first change is an update, too.
    fn verb(&self) -> &'static str {
        "updated"
    }
}
