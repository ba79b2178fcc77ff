//! The settings of the test provider.

use std::time::Duration;

/// Settings of the test provider: its public address, and the delay of late replies.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Where payers' browsers reach its 3-D Secure pages; behind the gateway when absent.
    #[arg(long = "sandbox-public-url", env = "BLOOM_SANDBOX_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// How long a reply takes that is to come after the caller's time-out, in milliseconds.
    #[arg(long = "sandbox-stall-ms", env = "BLOOM_SANDBOX_STALL_MS", default_value_t = 20_000)]
    pub stall_ms: u64,
}

impl Config {
    /// The delay of a reply that has to come after the caller's time-out.
    pub fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }
}
