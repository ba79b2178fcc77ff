//! The settings of a process of this service.

use bloom_runtime::StartError;
use chrono::TimeDelta;
use clap::Args;

use crate::checkout_saga::fault_injection::Faults;

/// Settings of the orders service.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Seconds after which a checkout that no request drives is resumed.
    #[arg(long, env = "BLOOM_ORDERS_RESUME_AFTER_S", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=60))]
    pub resume_after_s: i64,
    /// Seconds that a checkout may take, apart from waiting for its payment.
    #[arg(long, env = "BLOOM_ORDERS_PROCESSING_TIMEOUT_S", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=600))]
    pub processing_timeout_s: i64,
    /// Seconds that a payer has for their action, and a provider for its answer.
    #[arg(long, env = "BLOOM_ORDERS_PAYMENT_TIMEOUT_S", default_value_t = 900, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    pub payment_timeout_s: i64,
    /// Faults that a test injects; none otherwise.
    #[arg(skip)]
    pub faults: Faults,
}

impl Default for Config {
    fn default() -> Self {
        Self { resume_after_s: 5, processing_timeout_s: 20, payment_timeout_s: 900, faults: Faults::default() }
    }
}

impl Config {
    /// When a checkout that no request drives is resumed.
    pub fn resume_after(&self) -> TimeDelta {
        TimeDelta::seconds(self.resume_after_s)
    }

    /// How long a checkout may take, apart from waiting for its payment.
    pub fn processing_timeout(&self) -> TimeDelta {
        TimeDelta::seconds(self.processing_timeout_s)
    }

    /// How long a payer or a provider may take.
    pub fn payment_timeout(&self) -> TimeDelta {
        TimeDelta::seconds(self.payment_timeout_s)
    }

    /// Stock is held for longer than any checkout may take.
    pub fn hold_ttl_s(&self) -> i64 {
        self.processing_timeout_s + self.payment_timeout_s + 300
    }

    /// Refuses settings that contradict each other.
    pub fn check(&self) -> Result<(), StartError> {
        if self.processing_timeout_s < self.resume_after_s {
            return Err(StartError::new(
                "BLOOM_ORDERS_PROCESSING_TIMEOUT_S is below BLOOM_ORDERS_RESUME_AFTER_S: no checkout could be resumed in time",
            ));
        }
        Ok(())
    }
}
