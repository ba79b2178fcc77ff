//! How a tenant wants its orders handled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When money is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// When the merchant says so.
    Manual,
    /// What is shipped is drawn.
    OnFulfilment,
}

/// How a tenant's orders are handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// When money is drawn.
    pub capture: CaptureMode,
    /// Hours until an order that nobody paid expires.
    #[schemars(range(min = 1, max = 8760))]
    pub unpaid_hours: i32,
    /// Rises with every change; the `ETag`.
    pub version: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { capture: CaptureMode::Manual, unpaid_hours: 72, version: 0 }
    }
}

impl CaptureMode {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::OnFulfilment => "on_fulfilment",
        }
    }
}
