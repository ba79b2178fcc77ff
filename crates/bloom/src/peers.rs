//! Connects a command to the services: those of `.bloom/dev.json`, or those of the settings.

use std::path::Path;

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_process::Settings;
use bloom_runtime::request_context::PLATFORM;
use bloom_runtime::{Peer, Peers, RequestContext, ServiceContext, StartError};
use tokio_util::sync::CancellationToken;

use crate::state::StateDir;

/// The service name that commands sign requests with.
pub const OPERATOR: &str = "operator";

/// Access to every service of one installation.
pub struct Reach {
    /// The context that signs requests.
    pub host: ServiceContext,
}

impl Reach {
    /// Uses a running `up`, if there is one, otherwise the settings.
    pub fn new(settings: &Settings, state: &Path) -> Result<Self, StartError> {
        let mut settings = settings.clone();
        let dir = StateDir::existing(state);
        if let Some(dir) = &dir {
            dir.complete(&mut settings.secrets)?;
        }
        let peers = Peers::default();
        let running = dir.and_then(|dir| dir.read()).filter(|state| state.running().is_some());
        match running {
            Some(state) => {
                for (name, address) in &state.services {
                    peers.at(name, address)?;
                }
            }
            None => {
                for (name, address) in settings.addresses(bloom_fleet::SERVICES) {
                    peers.at(&name, &address)?;
                }
            }
        }
        Ok(Self { host: settings.host(OPERATOR, peers, CancellationToken::new())? })
    }

    /// Uses a fleet in this process.
    pub fn within(host: ServiceContext) -> Self {
        Self { host }
    }

    /// A client of the platform RPCs that every service offers.
    pub fn platform(&self, service: &str) -> PlatformClient<Peer> {
        PlatformClient::new(self.host.peers.get(service)).max_decoding_message_size(64 * 1024 * 1024)
    }

    /// The operator's request context.
    pub fn call(&self) -> RequestContext {
        RequestContext::background(OPERATOR, PLATFORM, OPERATOR)
    }
}
