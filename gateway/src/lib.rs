//! The API gateway: authenticates, authorises and rate-limits requests, then routes them to a service and a version.
//!
//! It knows prefixes, policies and versions, and no domain: a service's new endpoint needs no change here.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | prefixes and their policies, validated before a port is bound |
//! | `proxy` | handles a request, read top to bottom |
//! | [`proxies`] | the client's address behind trusted proxies |
//! | `path` | refuses paths that could mean something else to the upstream |
//! | `auth` | resolves a key to its owner: a local cache, polled revocations |
//! | `limit` | GCRA per key and tenant, local, or over Redis with local as the fallback |
//! | `version` | `Bloom-Version` |
//! | `arriving` | a request body that is being received: whether the client or the service is awaited |
//! | `trace` | the client's `traceparent`, and the gateway's own span in that trace |
//! | `answer` | refusals as problem+json, the headers of every reply |
//! | [`openapi`] | merges the services' API descriptions |
//! | `docs` | the API reference as a web page |
//! | `ready` | readiness of the gateway |
//!
//! The hot path shares no lock, boxes no body and has no router tree; `docs/adr` records what it costs.

mod answer;
mod arriving;
mod auth;
pub mod config;
mod docs;
mod headers;
mod limit;
pub mod openapi;
mod path;
pub mod proxies;
mod proxy;
mod ready;
mod serve;
mod trace;
mod upstream;
mod version;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bloom_runtime::{ServiceContext, StartError};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::auth::KeyCache;
use crate::config::GatewayConfig;
use crate::limit::Limiter;

pub use crate::serve::{gateway_config, serve};

#[cfg(test)]
mod tests;

/// Name of the gateway in logs, metrics and contexts.
pub const NAME: &str = "gateway";
/// Maximum size of a request line with its headers.
const HEADER_BYTES: usize = 64 * 1024;

/// A configured gateway.
pub struct Gateway {
    pub(crate) host: ServiceContext,
    pub(crate) config: GatewayConfig,
    pub(crate) key_cache: KeyCache,
    pub(crate) limiter: Limiter,
    pub(crate) upstream: upstream::Upstream,
    pub(crate) described: openapi::Described,
    pub(crate) readiness: ready::Readiness,
    /// Closed from the start: it is only used to wait for open connections.
    connections: TaskTracker,
}

impl Gateway {
    /// Creates a gateway over the given routes.
    pub fn new(config: GatewayConfig, host: ServiceContext) -> Result<Arc<Self>, StartError> {
        let key_cache = KeyCache::new(&host);
        let limiter = Limiter::new(&config, &host)?;
        let connections = TaskTracker::new();
        connections.close();
        Ok(Arc::new(Self {
            key_cache,
            limiter,
            upstream: upstream::upstream(&config, &host.peers),
            described: openapi::Described::default(),
            readiness: ready::Readiness::default(),
            config,
            host,
            connections,
        }))
    }

    /// Serves until shutdown starts, then lets requests in flight finish.
    pub async fn run(self: Arc<Self>, listener: TcpListener) -> Result<(), StartError> {
        let shutdown = self.host.shutdown.clone();
        let revocations = auth::follow_revocations(self.clone());
        tokio::select! {
            () = self.accept(listener) => {}
            () = revocations => {}
            () = shutdown.cancelled() => {}
        }
        tokio::select! {
            () = self.connections.wait() => {}
            () = tokio::time::sleep(bloom_web::server::DRAIN) => tracing::warn!("requests were aborted at the drain deadline"),
        }
        Ok(())
    }

    /// Accepts connections for as long as it is polled; accepted connections continue after it is dropped.
    async fn accept(self: &Arc<Self>, listener: TcpListener) {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(self.config.head_timeout).max_buf_size(HEADER_BYTES);
        server.http2().timer(TokioTimer::new()).max_concurrent_streams(256).keep_alive_interval(Duration::from_secs(30));
        loop {
            let (stream, client) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Usually out of file descriptors: other connections must close before more can open.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let (gateway, shutdown) = (self.clone(), self.host.shutdown.clone());
            let has_asked = Arc::new(AtomicBool::new(false));
            let service = service_fn({
                let has_asked = has_asked.clone();
                move |request| {
                    has_asked.store(true, Ordering::Relaxed);
                    proxy::answer(gateway.clone(), client, request)
                }
            });
            let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
            // The server itself has no time limit until a connection is known to be HTTP/1.
            let head_deadline = tokio::time::sleep(self.config.head_timeout);
            let silent = async move {
                head_deadline.await;
                if has_asked.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
            };
            self.connections.spawn(async move {
                let mut connection = std::pin::pin!(connection);
                let ended = tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = silent => Ok(()),
                    () = shutdown.cancelled() => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                };
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection failed");
                }
            });
        }
    }
}
