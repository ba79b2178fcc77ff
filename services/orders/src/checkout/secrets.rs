//! Secrets of a checkout: tokens that authorise a payment or give access to a cart. They are stored sealed with the service's own key
//! and bound to their row.

use bloom_db::{seal::open_own, seal::seal_own};
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, TenantId};
use bloom_runtime::ServiceContext;
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "checkout-secrets";

/// Values that the saga needs to continue and that must not be stored in plain text.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct CheckoutSecrets {
    /// Token of a guest's cart.
    pub(crate) cart_token: Option<String>,
    /// The cart's version that the buyer saw.
    pub(crate) expected_version: Option<i64>,
    /// The requested payment provider.
    pub(crate) provider: Option<String>,
    /// The provider's token for the payer's instrument.
    pub(crate) payment_token: String,
    /// Where the payer's browser goes after an action.
    pub(crate) return_url: Option<String>,
}

/// Seals the secrets of a checkout.
pub fn seal(host: &ServiceContext, tenant: TenantId, checkout: CheckoutId, secrets: &CheckoutSecrets) -> Result<Vec<u8>, Fault> {
    let plaintext = serde_json::to_vec(secrets).map_err(Fault::internal)?;
    Ok(seal_own(host, PURPOSE, &[tenant.uuid().as_bytes(), checkout.uuid().as_bytes()], &plaintext))
}

/// Opens the secrets of a checkout.
pub fn open(host: &ServiceContext, tenant: TenantId, checkout: CheckoutId, sealed: &[u8]) -> Result<CheckoutSecrets, Fault> {
    let plaintext = open_own(host, PURPOSE, &[tenant.uuid().as_bytes(), checkout.uuid().as_bytes()], sealed)?;
    serde_json::from_slice(&plaintext).map_err(Fault::internal)
}
