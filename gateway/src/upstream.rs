//! Connections to the services: over TCP, or in memory where they run in the same process. Callers see no difference;
//! in `bloom up` the in-memory connection saves system calls.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bloom_runtime::Peers;
use bloom_runtime::peers::Entrance;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tower::Service;

use crate::arriving::IncomingBody;
use crate::config::GatewayConfig;

/// HTTP client for the services.
pub(crate) type Upstream = Client<ServiceConnector, IncomingBody>;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);
/// Timeout of the gateway's own requests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum response size of the gateway's own requests.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// A client with a connection pool per service.
pub(crate) fn upstream(config: &GatewayConfig, peers: &Peers) -> Upstream {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let within = |(service, authority): (&String, &Authority)| Some((authority.clone(), peers.entrance(service)?));
    let connector = ServiceConnector { tcp, entrances: Arc::new(config.upstreams.iter().filter_map(within).collect()) };
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(256)
        .build(connector)
}

/// A service's response to the gateway's own request; `None` unless it succeeds in time.
pub(crate) async fn ask(upstream: &Upstream, authority: &Authority, path: &'static str) -> Option<Bytes> {
    let mut uri = Uri::default().into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(authority.clone());
    uri.path_and_query = Some(PathAndQuery::from_static(path));
    let mut request = Request::new(IncomingBody::none());
    *request.uri_mut() = Uri::from_parts(uri).ok()?;
    let answer = async {
        let response = upstream.request(request).await.ok()?;
        let good = response.status().is_success();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await.ok()?;
        good.then(|| body.to_bytes())
    };
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.ok().flatten()
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct ServiceConnector {
    tcp: HttpConnector,
    entrances: Arc<HashMap<Authority, Entrance>>,
}

impl Service<Uri> for ServiceConnector {
    type Response = ServiceConnection;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<ServiceConnection, Failure>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Some(entrance) = uri.authority().and_then(|authority| self.entrances.get(authority)).cloned() {
            return Box::pin(async move { Ok(ServiceConnection::Memory(TokioIo::new(entrance.dial().await?))) });
        }
        let connecting = self.tcp.call(uri);
        Box::pin(async move { Ok(ServiceConnection::Tcp(connecting.await?)) })
    }
}

/// A connection to a service.
pub(crate) enum ServiceConnection {
    Tcp(TokioIo<TcpStream>),
    Memory(TokioIo<DuplexStream>),
}

impl Connection for ServiceConnection {
    fn connected(&self) -> Connected {
        match self {
            Self::Tcp(connection) => connection.connected(),
            Self::Memory(_) => Connected::new(),
        }
    }
}

impl Read for ServiceConnection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_read(context, buffer),
            Self::Memory(connection) => Pin::new(connection).poll_read(context, buffer),
        }
    }
}

impl Write for ServiceConnection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_write(context, bytes),
            Self::Memory(connection) => Pin::new(connection).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_flush(context),
            Self::Memory(connection) => Pin::new(connection).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_shutdown(context),
            Self::Memory(connection) => Pin::new(connection).poll_shutdown(context),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(connection) => connection.is_write_vectored(),
            Self::Memory(connection) => connection.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_write_vectored(context, parts),
            Self::Memory(connection) => Pin::new(connection).poll_write_vectored(context, parts),
        }
    }
}
