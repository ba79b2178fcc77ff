//! The permissions of payments, and what only a secret key may read.

use bloom_fault::{Code, Fault};
use bloom_runtime::{Audience, Call, permissions};

permissions! {
    PaymentsRead = "payments:read",
    PaymentsWrite = "payments:write",
}

/// Refuses a publishable key: it may read a payment whose id it knows, but no list and no write.
pub(crate) fn require_secret_key(call: &Call) -> Result<(), Fault> {
    if call.audience != Audience::Publishable {
        return Ok(());
    }
    Err(Fault::new(Code::Forbidden, "secret_key_required", "This needs a secret key: it shows what others paid.")
        .policy("audience:secret"))
}
