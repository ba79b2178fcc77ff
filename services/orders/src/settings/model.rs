//! The settings and their update.

use bloom_kernel::{number, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When money is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CaptureMode {
    /// When the merchant asks for it.
    Manual,
    /// When goods are shipped, for what is shipped.
    OnFulfilment,
}

impl CaptureMode {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::OnFulfilment => "on_fulfilment",
        }
    }
}

number! {
    /// Hours until an unpaid order expires.
    pub struct UnpaidHours(i32) { range: 1..=8_760, default: 72, example: 72 }
}

/// How a shop's orders are handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderSettings {
    /// When money is captured.
    pub capture: CaptureMode,
    /// Hours until an unpaid order expires.
    pub unpaid_hours: UnpaidHours,
    /// Rises with every change; the `ETag`.
    pub version: i64,
}

impl Default for OrderSettings {
    fn default() -> Self {
        Self { capture: CaptureMode::Manual, unpaid_hours: UnpaidHours::default(), version: 0 }
    }
}

update! {
    /// A change of the settings; a field that is absent stays as it is.
    pub struct OrderSettingsUpdate {
        /// When money is captured.
        pub capture: Option<CaptureMode>,
        /// Hours until an unpaid order expires.
        pub unpaid_hours: Option<UnpaidHours>,
    }
}

impl OrderSettings {
    /// Sets what is given and raises the version.
    pub fn update(&mut self, input: OrderSettingsUpdate) {
        let OrderSettingsUpdate { capture, unpaid_hours } = input;
        set(&mut self.capture, capture);
        set(&mut self.unpaid_hours, unpaid_hours);
        self.version += 1;
    }
}
