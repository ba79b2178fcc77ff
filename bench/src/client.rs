//! A persistent HTTP/1.1 connection, and an API client with one key.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;

/// A response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header as text.
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body, if the status is the expected one.
    pub(crate) fn expect(&self, status: u16) -> Outcome<&Bytes> {
        if self.status.as_u16() == status {
            return Ok(&self.body);
        }
        Err(format!("{} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

/// One connection; reopened after a failure.
pub(crate) struct Connection {
    address: String,
    open: Option<(SendRequest<Full<Bytes>>, JoinSet<()>)>,
}

impl Connection {
    /// Connects on first use. `address` is like `127.0.0.1:8000`.
    pub(crate) fn to(address: &str) -> Self {
        Self { address: address.to_owned(), open: None }
    }

    /// A request for a path of this connection's host.
    pub(crate) fn request(&self, method: Method, path: &str, key: &str) -> http::request::Builder {
        let host = self.address.as_str();
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Outcome<Answer> {
        let (mut sender, driver) = match self.open.take() {
            Some((sender, driver)) if !sender.is_closed() => (sender, driver),
            _ => self.connect().await?,
        };
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.open = Some((sender, driver));
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    async fn connect(&self) -> Outcome<(SendRequest<Full<Bytes>>, JoinSet<()>)> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| format!("{}: {error}", self.address))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // A failure shows at the request.
            let _ = connection.await;
        });
        Ok((sender, driver))
    }
}

/// An API client with one key, for setup.
pub(crate) struct Api {
    connection: Connection,
    key: String,
}

impl Api {
    pub(crate) fn new(address: &str, key: &str) -> Self {
        Self { connection: Connection::to(address), key: key.to_owned() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Outcome<Value> {
        let request = self.connection.request(Method::GET, path, &self.key).body(Full::default())?;
        Ok(serde_json::from_slice(self.connection.send(request).await?.expect(200)?)?)
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Outcome<Value> {
        self.create(path, "application/json", 201, body.to_string().into()).await
    }

    /// Sends lines to be imported.
    pub(crate) async fn import(&mut self, lines: Bytes) -> Outcome<Value> {
        self.create("/v1/catalog/imports", "application/x-ndjson", 202, lines).await
    }

    async fn create(&mut self, path: &str, kind: &str, status: u16, body: Bytes) -> Outcome<Value> {
        let request = self.connection.request(Method::POST, path, &self.key).header(header::CONTENT_TYPE, kind);
        let answer = self.connection.send(request.body(Full::new(body))?).await?;
        Ok(serde_json::from_slice(answer.expect(status).map_err(|error| format!("POST {path}: {error}"))?)?)
    }
}

/// Polls until the answer is yes.
pub(crate) async fn eventually(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Outcome<bool>) -> Outcome {
    let deadline = tokio::time::Instant::now() + within;
    while !ask().await? {
        if deadline < tokio::time::Instant::now() {
            return Err(format!("{what}: not within {} s", within.as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
