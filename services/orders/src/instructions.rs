//! Instructions of a checkout at rest: tokens that somebody else could pay or read with, sealed with the service's own key
//! and bound to their row.

use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, TenantId};
use bloom_runtime::Host;
use bloom_runtime::seal::{open_own, seal_own};

use crate::store::checkout::Instructions;

const PURPOSE: &str = "checkout-instructions";

/// Seals the instructions of a checkout.
pub fn seal(host: &Host, tenant: TenantId, checkout: CheckoutId, instructions: &Instructions) -> Result<Vec<u8>, Fault> {
    let plaintext = serde_json::to_vec(instructions).map_err(Fault::internal)?;
    Ok(seal_own(host, PURPOSE, &[tenant.uuid().as_bytes(), checkout.uuid().as_bytes()], &plaintext))
}

/// Opens what [`seal`] made.
pub fn open(host: &Host, tenant: TenantId, checkout: CheckoutId, sealed: &[u8]) -> Result<Instructions, Fault> {
    let plaintext = open_own(host, PURPOSE, &[tenant.uuid().as_bytes(), checkout.uuid().as_bytes()], sealed)?;
    serde_json::from_slice(&plaintext).map_err(Fault::internal)
}
