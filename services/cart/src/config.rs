//! Settings.

use chrono::TimeDelta;
use clap::Args;

/// Settings of the cart service.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Days that a cart is kept after its last change.
    #[arg(long, env = "BLOOM_CART_RETENTION_DAYS", default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=3650))]
    pub retention_days: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self { retention_days: 30 }
    }
}

impl Config {
    /// How long a cart is kept after its last change.
    pub fn retention(&self) -> TimeDelta {
        TimeDelta::days(self.retention_days)
    }
}
