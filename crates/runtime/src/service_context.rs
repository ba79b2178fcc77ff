//! The context that every service receives when it starts.

use std::sync::Arc;

use bloom_kernel::{Clock, Entropy, TenantId, Timestamp};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::request_context::{Audience, PLATFORM, RequestContext};
use crate::signed_context::{self, Claims};

/// Clock, ids, randomness, keys and peers of one service. Cheap to clone.
#[derive(Clone)]
pub struct ServiceContext {
    /// Name of the service.
    pub service: &'static str,
    /// Source of time.
    pub clock: Arc<dyn Clock>,
    /// Source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Secrets.
    pub keys: Keys,
    /// The cell that this process serves.
    pub cell: Arc<str>,
    /// Other services.
    pub peers: Peers,
    /// Cancelled when the process shuts down.
    pub shutdown: CancellationToken,
    /// Metrics of this process.
    pub metrics: Metrics,
}

impl ServiceContext {
    /// The tenant's time; a sandbox may have its own clock.
    pub fn now(&self, tenant: TenantId) -> Timestamp {
        self.clock.now(tenant)
    }

    /// The platform's own time, which belongs to no tenant: for leases and contexts.
    pub fn platform_now(&self) -> Timestamp {
        self.clock.now(PLATFORM)
    }

    /// A new id; ids created later sort later (`UUIDv7`).
    pub fn id<T: From<Uuid>>(&self, tenant: TenantId) -> T {
        T::from(bloom_kernel::uuid_v7(self.now(tenant), &*self.entropy))
    }

    /// A secret of at least 160 bits in base62, for example a cart token.
    pub fn token(&self) -> String {
        bloom_kernel::entropy::base62(28, &*self.entropy)
    }

    /// A request to another service on behalf of the same tenant and actor: signed context, deadline, trace.
    ///
    /// # Panics
    ///
    /// Never: all metadata written here is ASCII.
    pub fn request<T>(&self, context: &RequestContext, message: T) -> tonic::Request<T> {
        let claims = Claims {
            tenant: context.tenant,
            cell: self.cell.to_string(),
            actor: context.actor.clone(),
            scopes: context.scopes.clone(),
            audience: Audience::Service,
            channel: context.channel,
            expires: self.platform_now().timestamp() + signed_context::TTL_S,
        };
        let mut request = tonic::Request::new(message);
        request.set_timeout(context.remaining());
        let metadata = request.metadata_mut();
        let ascii = "signed contexts, request ids and trace parents are ASCII";
        metadata.insert(signed_context::HEADER, signed_context::sign(&self.keys, &claims).parse().expect(ascii));
        if let Ok(id) = context.request_id.parse() {
            metadata.insert("bloom-request-id", id);
        }
        if let Some(Ok(trace)) = crate::telemetry::traceparent().or_else(|| context.trace.clone()).map(|trace| trace.parse()) {
            metadata.insert("traceparent", trace);
        }
        request
    }
}
