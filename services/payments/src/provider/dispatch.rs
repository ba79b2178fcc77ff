//! Sends requests to the provider of a connection, and stops for a while when it does not answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, OperationId};
use bloom_runtime::breaker::Breaker;
use tokio::time::Instant;

use super::manual;
use super::model::{ProviderAccount, ProviderKind, ProviderReply, ProviderRequest, unavailable};
use super::sandbox::Sandbox;
use crate::operation::OperationKind;

/// While a provider does not answer, one request of a connection is let through in this time.
const PAUSE: Duration = Duration::from_secs(10);

/// All providers.
pub(crate) struct Providers {
    sandbox: Sandbox,
    /// Only connections whose provider failed last have a breaker.
    breakers: Mutex<HashMap<ConnectionId, Breaker>>,
}

impl Providers {
    /// Providers at their addresses, each request limited by the time-out.
    pub(crate) fn new(sandbox_url: &str, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self { sandbox: Sandbox::new(sandbox_url, timeout)?, breakers: Mutex::default() })
    }

    /// Refuses at once, before anything is recorded, while the provider behind a connection does not answer.
    pub(crate) fn check_available(&self, connection: ConnectionId) -> Result<(), Fault> {
        let is_open = self.breakers().get(&connection).is_some_and(|breaker| !breaker.admits(Instant::now()));
        if is_open { Err(unavailable("the breaker is open")) } else { Ok(()) }
    }

    /// Sends an operation. It may be sent again only after [`query`](Self::query) has found that the provider does not know it.
    pub(crate) async fn send(&self, account: ProviderAccount<'_>, request: ProviderRequest<'_>) -> ProviderReply {
        let reply = match account.provider {
            ProviderKind::Manual => return manual::send(request),
            ProviderKind::Sandbox => self.sandbox.send(account.credentials, request).await,
        };
        self.record(account.connection, reply)
    }

    /// Asks for the state of an operation.
    pub(crate) async fn query(&self, account: ProviderAccount<'_>, kind: OperationKind, operation: OperationId) -> ProviderReply {
        let reply = match account.provider {
            ProviderKind::Manual => return manual::query(kind, operation),
            ProviderKind::Sandbox => self.sandbox.query(account.credentials, kind, operation).await,
        };
        self.record(account.connection, reply)
    }

    /// Sets where the provider sends its notices and the secret that signs them.
    pub(crate) async fn register(&self, credentials: &str, webhook_url: &str, secret: &[u8]) -> Result<(), Fault> {
        self.sandbox.register(credentials, webhook_url, secret).await
    }

    /// Counts failures for the breaker. Any reply of the provider shows that it is available.
    fn record(&self, connection: ConnectionId, reply: ProviderReply) -> ProviderReply {
        match &reply {
            ProviderReply::Report(_) | ProviderReply::Refused(_) | ProviderReply::NotFound => {
                self.breakers().remove(&connection);
            }
            ProviderReply::NotSent(cause) | ProviderReply::Unknown(cause) => {
                tracing::warn!(%connection, cause, "the payment provider gave no usable reply");
                let now = Instant::now();
                self.breakers().entry(connection).or_insert_with(|| Breaker::new(PAUSE, now)).reached(false, now);
            }
        }
        reply
    }

    fn breakers(&self) -> MutexGuard<'_, HashMap<ConnectionId, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
