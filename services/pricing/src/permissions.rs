//! The permissions that this service's operations ask for.

use bloom_runtime::permissions;

permissions! {
    PricingRead = "pricing:read",
    PricingWrite = "pricing:write",
    PricingQuote = "pricing:quote",
}
