//! Operations that require a secret key.

use bloom_fault::{Code, Fault};
use bloom_runtime::{Audience, RequestContext};

/// Refuses a publishable key: it may read a payment whose id it knows, but no list and no write.
pub(crate) fn require_secret_key(context: &RequestContext) -> Result<(), Fault> {
    if context.audience != Audience::Publishable {
        return Ok(());
    }
    Err(Fault::new(Code::Forbidden, "secret_key_required", "This needs a secret key: it shows what others paid.")
        .policy("audience:secret"))
}
