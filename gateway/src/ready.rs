//! Whether the gateway can do its work.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Gateway;
use crate::upstream::ask;

/// Set once the gateway has been ready.
#[derive(Default)]
pub(crate) struct Readiness(AtomicBool);

impl Readiness {
    /// What the gateway waits for before it takes requests; once ready it stays so, as a service that goes away later is
    /// answered for route by route.
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
