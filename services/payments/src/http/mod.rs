//! REST. One file a resource.

mod connections;
mod journals;
mod operations;
mod payments;
mod provider;

use aide::axum::ApiRouter;
use bloom_fault::{Code, Fault};
use bloom_runtime::{Audience, RequestContext};
use bloom_web::permissions;

use crate::Payments;

permissions! {
    PaymentsRead = "payments:read",
    PaymentsWrite = "payments:write",
}

/// All routes that ask in a tenant's name.
pub(crate) fn routes(app: Payments) -> ApiRouter<()> {
    connections::routes().merge(journals::routes()).merge(operations::routes()).merge(payments::routes()).with_state(app)
}

/// Routes for providers and payers' browsers, who carry no key.
pub(crate) fn plain(app: Payments) -> axum::Router<()> {
    provider::routes().with_state(app)
}

/// A publishable key sees the payment whose id it knows, and never what others paid.
fn secret_only(call: &RequestContext) -> Result<(), Fault> {
    if call.audience != Audience::Publishable {
        return Ok(());
    }
    Err(Fault::new(Code::Forbidden, "secret_key_required", "This needs a secret key: it shows what others paid.")
        .policy("audience:secret"))
}
