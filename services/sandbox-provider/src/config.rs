//! What the test provider is told when it starts.

use std::time::Duration;

/// Where it is, and how slow it plays.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Where payers' browsers reach its 3-D Secure pages; behind the gateway when absent.
    #[arg(long = "sandbox-public-url", env = "BLOOM_SANDBOX_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// How long an answer that is to come too late takes, in milliseconds.
    #[arg(long = "sandbox-stall-ms", env = "BLOOM_SANDBOX_STALL_MS", default_value_t = 20_000)]
    pub stall_ms: u64,
}

impl Config {
    /// How long an answer that is to come too late takes.
    pub fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }
}
