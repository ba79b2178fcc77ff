//! The settings of payments.

use std::time::Duration;

/// Longest time-out of a request to a provider.
const TIMEOUT_MAX: Duration = Duration::from_secs(5);

/// Addresses and the time-out of providers.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Where the test provider answers; that of the same fleet when absent.
    #[arg(long = "payments-sandbox-url", env = "BLOOM_PAYMENTS_SANDBOX_URL")]
    pub sandbox_url: Option<String>,
    /// Where browsers reach this installation: the gateway's public address.
    #[arg(long = "payments-public-url", env = "BLOOM_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Where payment providers send their notices to, the gateway or payments itself; `BLOOM_PUBLIC_URL` when absent. A
    /// connection is registered with it when it is created, and again once it has changed.
    #[arg(long = "payments-webhook-url", env = "BLOOM_PAYMENTS_WEBHOOK_URL")]
    pub webhook_url: Option<String>,
    /// How long a provider may take to answer, in milliseconds, at most 5000.
    #[arg(long = "payments-provider-timeout-ms", env = "BLOOM_PAYMENTS_PROVIDER_TIMEOUT_MS", default_value_t = 5000)]
    pub provider_timeout_ms: u64,
}

impl Config {
    /// How long a provider may take to answer.
    pub fn provider_timeout(&self) -> Duration {
        Duration::from_millis(self.provider_timeout_ms).min(TIMEOUT_MAX)
    }
}
