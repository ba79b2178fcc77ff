//! Connects to other services, in this process or at a TCP address. Clients and servers are the same in both cases. A
//! service in this process that serves its routes is called directly, without a connection, because framing and parsing
//! costs more than most calls do.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::{Service, ServiceExt as _};

use crate::breaker::Breaker;
use crate::task::StartError;

/// HTTP/2 connections per peer. A single connection would serialise all requests behind one writer.
const CONNECTIONS: usize = 4;
/// Buffer per direction of an in-process connection before its writer waits.
const DUPLEX_BYTES: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_millis(800);
/// While a peer is unreachable, one request per this time is let through.
const BREAKER_PAUSE: Duration = Duration::from_millis(500);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The other services of the fleet, by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Peers {
    known: Arc<Mutex<HashMap<String, Peer>>>,
    entrances: Arc<Mutex<HashMap<String, Entrance>>>,
    served: Served,
}

/// The routes that services of this process serve at present, each with an identity of its server.
type Served = Arc<Mutex<HashMap<String, (Arc<()>, Router)>>>;

/// Registration of a service for direct calls within this process; dropping it removes the service.
pub struct Open {
    service: &'static str,
    server: Arc<()>,
    served: Served,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        // Keep the routes of a server that has replaced this one.
        if served.get(self.service).is_some_and(|(server, _)| Arc::ptr_eq(server, &self.server)) {
            served.remove(self.service);
        }
    }
}

/// Opens connections to a service in this process. Cheap to clone.
#[derive(Clone)]
pub struct Entrance(mpsc::Sender<DuplexStream>);

impl Entrance {
    /// Opens a new connection; refused when the service has ended.
    pub async fn dial(&self) -> io::Result<DuplexStream> {
        let (client, server) = tokio::io::duplex(DUPLEX_BYTES);
        self.0.send(server).await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(client)
    }
}

impl Peers {
    /// The connection to a service. An unconfigured one answers UNAVAILABLE until it opens in this process: when two
    /// services call each other, one must be built first.
    pub fn get(&self, service: &str) -> Peer {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(service.to_owned()).or_insert_with(|| self.within(service)).clone()
    }

    /// Registers a service in this process; the returned listener accepts its connections.
    pub fn in_memory(&self, service: &str) -> MemoryListener {
        let (sender, receiver) = mpsc::channel::<DuplexStream>(CONNECTIONS * 2);
        self.entrances.lock().unwrap_or_else(PoisonError::into_inner).insert(service.to_owned(), Entrance(sender));
        self.insert(service, self.within(service));
        MemoryListener { service: service.to_owned(), receiver }
    }

    /// Registers the routes of a service in this process for direct calls, for as long as the returned value lives.
    pub fn open(&self, service: &'static str, routes: Router) -> Open {
        let open = Open { service, server: Arc::default(), served: self.served.clone() };
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.insert(service.to_owned(), (open.server.clone(), routes));
        open
    }

    /// Opens plain HTTP connections to a service in this process; `None` if it runs elsewhere.
    pub fn entrance(&self, service: &str) -> Option<Entrance> {
        self.entrances.lock().unwrap_or_else(PoisonError::into_inner).get(service).cloned()
    }

    /// Registers a service at an address such as `http://catalog:8080`.
    pub fn at(&self, service: &str, address: &str) -> Result<(), StartError> {
        let endpoint = Endpoint::from_shared(address.to_owned())
            .map_err(|error| StartError::caused(format!("`{address}` is not an address for the service {service}"), error))?;
        let channels = (0..CONNECTIONS).map(|_| tune(endpoint.clone()).connect_lazy()).collect();
        self.insert(service, self.peer(service, channels));
        Ok(())
    }

    /// Connections to a service in this process, which is looked up when one is opened.
    fn within(&self, service: &str) -> Peer {
        let channels = (0..CONNECTIONS)
            .map(|_| {
                let (entrances, service) = (self.entrances.clone(), service.to_owned());
                let connector = tower::service_fn(move |_: Uri| {
                    let entrance = entrances.lock().unwrap_or_else(PoisonError::into_inner).get(&service).cloned();
                    async move {
                        let entrance = entrance.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused))?;
                        entrance.dial().await.map(TokioIo::new)
                    }
                });
                tune(Endpoint::from_static("http://in-memory")).connect_with_connector_lazy(connector)
            })
            .collect();
        self.peer(service, channels)
    }

    fn peer(&self, service: &str, channels: Arc<[Channel]>) -> Peer {
        let breaker = Arc::new(Breaker::new(BREAKER_PAUSE, Instant::now()));
        Peer { service: service.into(), served: self.served.clone(), channels, next: Arc::default(), breaker }
    }

    fn insert(&self, service: &str, peer: Peer) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(service.to_owned(), peer);
    }
}

fn tune(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(5))
        .initial_connection_window_size(1 << 20)
        .initial_stream_window_size(1 << 20)
}

/// The client of one service: it calls the routes directly in this process, otherwise uses several connections in turn.
/// Pass it to a generated tonic client.
#[derive(Clone)]
pub struct Peer {
    service: Arc<str>,
    served: Served,
    channels: Arc<[Channel]>,
    next: Arc<AtomicUsize>,
    breaker: Arc<Breaker>,
}

impl Peer {
    fn routes(&self) -> Option<Router> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.get(&*self.service).map(|(_, routes)| routes.clone())
    }

    fn channel(&self) -> Channel {
        self.channels[self.next.fetch_add(1, Ordering::Relaxed) % self.channels.len()].clone()
    }
}

impl Service<http::Request<Body>> for Peer {
    type Response = http::Response<Body>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    /// Calls the peer. A request that was certainly not sent is retried once over the next connection, which is safe
    /// because it has had no effect.
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if let Some(mut routes) = self.routes() {
            return Box::pin(async move { Ok(routes.call(request.map(axum::body::Body::new)).await?.map(Body::new)) });
        }
        let peer = self.clone();
        Box::pin(async move {
            if !peer.breaker.admits(Instant::now()) {
                return Ok(Status::unavailable("the service is away").into_http());
            }
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(status) => return Ok(status.into_http()),
            };
            let send = || async {
                let request = http::Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
                peer.channel().ready().await?.call(request).await
            };
            let mut answer = send().await;
            if answer.as_ref().is_err_and(|error: &tonic::transport::Error| is_unsent(error)) {
                answer = send().await;
            }
            peer.breaker.reached(answer.is_ok(), Instant::now());
            Ok(answer?)
        })
    }
}

/// True when nothing was sent: the connection was refused, or was closed before the request's turn.
fn is_unsent(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|cause| {
        let refused = |cause: &io::Error| cause.kind() == io::ErrorKind::ConnectionRefused;
        cause.downcast_ref::<io::Error>().is_some_and(refused)
            || cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
    })
}

/// The accepting end of an in-memory peer.
pub struct MemoryListener {
    service: String,
    receiver: mpsc::Receiver<DuplexStream>,
}

impl axum::serve::Listener for MemoryListener {
    type Io = Pin<Box<DuplexStream>>;
    type Addr = String;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.receiver.recv().await {
            Some(stream) => (Box::pin(stream), self.service.clone()),
            // All clients are dropped, so the process is about to end.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<String> {
        Ok(self.service.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    /// Calls an unknown RPC; returns the gRPC status, or `None` when the peer cannot be reached.
    async fn ask(peer: &Peer) -> Option<String> {
        let request = http::Request::post("http://peer/nothing").body(Body::empty()).unwrap();
        let answer = peer.clone().call(request).await.ok()?;
        let text = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        text("grpc-message").or_else(|| text("grpc-status"))
    }

    #[tokio::test]
    async fn an_unreachable_peer_fails_fast_and_recovers() {
        let peers = Peers::default();
        let peer = peers.get("late");
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(ask(&peer).await);
        }
        assert_eq!(answers[..5], [const { None }; 5], "it is not there yet");
        assert_eq!(answers[5].as_deref(), Some("the%20service%20is%20away"));
        let listener = peers.in_memory("late");
        let server = async { axum::serve(listener, axum::Router::new()).await };
        let found = async {
            // 12 is UNIMPLEMENTED, the answer of a reachable server without services.
            while ask(&peer).await.as_deref() == Some("the%20service%20is%20away") {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = server => panic!("the server ended"),
            found = tokio::time::timeout(Duration::from_secs(10), found) => found.expect("it is found again"),
        }
    }

    #[tokio::test]
    async fn a_service_in_the_process_is_called_in_memory() {
        let peers = Peers::default();
        let peer = peers.get("near");
        let answers = || axum::http::Response::builder().header("grpc-status", "0").body(axum::body::Body::empty()).unwrap();
        let open = peers.open("near", Router::new().route("/nothing", axum::routing::post(async move || answers())));
        assert_eq!(ask(&peer).await.as_deref(), Some("0"));
        let anew = peers.open("near", Router::new());
        drop(open);
        assert!(ask(&peer).await.is_none_or(|answer| answer != "0"), "the one in its place answers");
        assert!(peer.routes().is_some());
        drop(anew);
        assert!(peer.routes().is_none());
        assert_eq!(ask(&peer).await, None);
    }

    #[test]
    fn only_unsent_requests_are_retried() {
        #[derive(Debug, thiserror::Error)]
        #[error("transport error")]
        struct Transport(#[source] Box<dyn Error>);
        let kind = |kind: io::ErrorKind| Transport(Box::new(Transport(Box::new(io::Error::from(kind)))));
        assert!(is_unsent(&kind(io::ErrorKind::ConnectionRefused)));
        // The peer may have started to process it.
        assert!(!is_unsent(&kind(io::ErrorKind::ConnectionReset)));
        assert!(!is_unsent(&kind(io::ErrorKind::TimedOut)));
    }
}
