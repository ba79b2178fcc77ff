//! Instructions of a checkout at rest: tokens that somebody else could pay or read with, sealed with the service's own key
//! and bound to their row.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, TenantId};
use bloom_runtime::Host;

use crate::store::checkout::Instructions;

const NONCE_BYTES: usize = 12;

fn cipher(host: &Host) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(host.keys.derive("checkout-instructions")))
}

fn aad(tenant: TenantId, checkout: CheckoutId) -> Vec<u8> {
    [*tenant.uuid().as_bytes(), *checkout.uuid().as_bytes()].concat()
}

/// Seals the instructions of a checkout.
pub fn seal(host: &Host, tenant: TenantId, checkout: CheckoutId, instructions: &Instructions) -> Result<Vec<u8>, Fault> {
    let plaintext = serde_json::to_vec(instructions).map_err(Fault::internal)?;
    let mut nonce = [0_u8; NONCE_BYTES];
    host.entropy.fill(&mut nonce);
    let aad = aad(tenant, checkout);
    let sealed = cipher(host)
        .encrypt(&Nonce::from(nonce), Payload { msg: &plaintext, aad: &aad })
        .map_err(|_| Fault::internal("the instructions of a checkout could not be sealed"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Opens what [`seal`] made.
pub fn open(host: &Host, tenant: TenantId, checkout: CheckoutId, sealed: &[u8]) -> Result<Instructions, Fault> {
    let bad = || Fault::internal("the instructions of a checkout do not open");
    let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(bad)?;
    let aad = aad(tenant, checkout);
    let plaintext = cipher(host).decrypt(&Nonce::from(*nonce), Payload { msg: body, aad: &aad }).map_err(|_| bad())?;
    serde_json::from_slice(&plaintext).map_err(Fault::internal)
}
