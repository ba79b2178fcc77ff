//! The settings and their update.

use bloom_fault::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When money is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaptureMode {
    /// When the merchant asks for it.
    Manual,
    /// When goods are shipped, for what is shipped.
    OnFulfilment,
}

impl CaptureMode {
    /// The stored word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::OnFulfilment => "on_fulfilment",
        }
    }
}

/// How a shop's orders are handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OrderSettings {
    /// When money is captured.
    pub capture: CaptureMode,
    /// Hours until an unpaid order expires.
    #[schemars(range(min = 1, max = 8760))]
    pub unpaid_hours: i32,
    /// Rises with every change; the `ETag`.
    pub version: i64,
}

impl Default for OrderSettings {
    fn default() -> Self {
        Self { capture: CaptureMode::Manual, unpaid_hours: 72, version: 0 }
    }
}

/// Changes to the settings: absent fields stay.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OrderSettingsUpdate {
    /// When money is captured.
    pub capture: Option<CaptureMode>,
    /// Hours until an unpaid order expires.
    #[schemars(range(min = 1, max = 8760))]
    pub unpaid_hours: Option<i32>,
}

impl OrderSettings {
    /// Sets what is given and raises the version.
    pub(crate) fn update(&mut self, input: &OrderSettingsUpdate) {
        self.capture = input.capture.unwrap_or(self.capture);
        self.unpaid_hours = input.unpaid_hours.unwrap_or(self.unpaid_hours);
        self.version += 1;
    }
}

impl OrderSettingsUpdate {
    /// Refuses values out of range.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.unpaid_hours.is_some_and(|hours| !(1..=8760).contains(&hours)) {
            return Err(Fault::invalid("/unpaid_hours", "out_of_range", "Give 1 to 8760 hours."));
        }
        Ok(())
    }
}
