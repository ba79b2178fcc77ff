//! The settings and their rules.

use bloom_kernel::Rounding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a tenant calculates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PricingSettings {
    /// How half a minor unit is rounded.
    pub rounding: Rounding,
    /// Whether base lists made on demand hold prices that include tax.
    pub base_lists_gross: bool,
    /// Rises with every change; 0: never set.
    pub version: i64,
    /// Counts the changes that may change a calculation of tax.
    #[serde(skip)]
    #[schemars(skip)]
    pub tax_version: i64,
}

/// Changes to the settings; a field that is left out keeps its value.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PricingSettingsUpdate {
    /// How half a minor unit is rounded.
    #[serde(default)]
    pub rounding: Option<Rounding>,
    /// Whether base lists made on demand hold prices that include tax.
    #[serde(default)]
    pub base_lists_gross: Option<bool>,
}

impl Default for PricingSettings {
    fn default() -> Self {
        Self { rounding: Rounding::HalfUp, base_lists_gross: true, version: 0, tax_version: 0 }
    }
}

impl PricingSettings {
    pub(crate) fn update(&mut self, input: PricingSettingsUpdate) {
        self.rounding = input.rounding.unwrap_or(self.rounding);
        self.base_lists_gross = input.base_lists_gross.unwrap_or(self.base_lists_gross);
        self.version += 1;
    }
}
