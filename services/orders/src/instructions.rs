//! Instructions of a checkout at rest: tokens that somebody else could pay or read with, sealed with the service's own key
//! and bound to their row.

use bloom_db::{seal::open_own, seal::seal_own};
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, TenantId};
use bloom_runtime::ServiceContext;
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "checkout-instructions";

/// What the saga needs to go on and nobody else may read; sealed at rest.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Instructions {
    /// Token of a guest's cart.
    pub cart_token: Option<String>,
    /// The version that the buyer saw.
    pub expected_version: Option<i64>,
    /// The payment provider asked for.
    pub provider: Option<String>,
    /// The provider's token for the payer's instrument.
    pub payment_token: String,
    /// Where the payer's browser goes after an action.
    pub return_url: Option<String>,
}

/// Seals the instructions of a checkout.
pub fn seal(
    host: &ServiceContext,
    tenant: TenantId,
    checkout: CheckoutId,
    instructions: &Instructions,
) -> Result<Vec<u8>, Fault> {
    let plaintext = serde_json::to_vec(instructions).map_err(Fault::internal)?;
    Ok(seal_own(host, PURPOSE, &[tenant.uuid().as_bytes(), checkout.uuid().as_bytes()], &plaintext))
}

/// Opens what [`seal`] made.
pub fn open(host: &ServiceContext, tenant: TenantId, checkout: CheckoutId, sealed: &[u8]) -> Result<Instructions, Fault> {
    let plaintext = open_own(host, PURPOSE, &[tenant.uuid().as_bytes(), checkout.uuid().as_bytes()], sealed)?;
    serde_json::from_slice(&plaintext).map_err(Fault::internal)
}
