//! Readiness of the gateway.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Gateway;
use crate::upstream::ask;

/// Set once the gateway has been ready.
#[derive(Default)]
pub(crate) struct Readiness(AtomicBool);

impl Readiness {
    /// What the gateway still waits for before it accepts requests. Once ready it stays ready: when a service fails
    /// later, only that service's routes are refused.
    pub(crate) async fn waiting_for(&self, gateway: &Gateway) -> Option<String> {
        if gateway.host.shutdown.is_cancelled() {
            return Some("nothing: it is draining".to_owned());
        }
        if self.0.load(Ordering::Relaxed) {
            return None;
        }
        let identity = gateway.config.upstreams.get("identity")?;
        if ask(&gateway.upstream, identity, "/readyz").await.is_some() {
            self.0.store(true, Ordering::Relaxed);
            return None;
        }
        Some("identity".to_owned())
    }
}
