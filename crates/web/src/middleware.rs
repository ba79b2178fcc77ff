//! The layer around every route of a service, REST and gRPC, read top to bottom: request id, context, deadline, uniform
//! errors, metrics, and one log line.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bloom_fault::{Code, Fault, FaultExt, problem};
use bloom_kernel::CursorKey;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tracing::Instrument as _;

use crate::list::CursorSecret;
use crate::request_body::TrackedBody;
use bloom_runtime::metrics::{Route, class, method_label};
use bloom_runtime::request_context::{Audience, DEFAULT_DEADLINE, LONGEST_DEADLINE};
use bloom_runtime::{RequestContext, ServiceContext, signed_context, telemetry};

/// Route label of all requests that match no route and no RPC.
const UNMATCHED: &str = "unmatched";

/// Response header with the reason of a refusal, for the gateway's access log; the gateway removes it.
pub const REASON: &str = "bloom-reason";

/// State of the layer.
#[derive(Clone)]
pub struct EdgeState {
    /// The context of the service behind the layer.
    host: ServiceContext,
    cursors: CursorSecret,
}

impl EdgeState {
    /// The state for one service.
    pub fn new(host: ServiceContext) -> Self {
        let cursors = CursorSecret(CursorKey(host.keys.derive("cursor")));
        Self { host, cursors }
    }
}

/// The layer; see the module's documentation.
pub async fn edge(State(EdgeState { host, cursors }): State<EdgeState>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let grpc = text(request.headers(), "content-type").is_some_and(|kind| kind.starts_with("application/grpc"));
    let mut route = route(&request);
    let method = if grpc { "grpc" } else { method_label(request.method()) };
    let request_id = text(request.headers(), "bloom-request-id").map_or_else(|| new_request_id(&host), str::to_owned);
    let call = verified_call(&host, request.headers(), &request_id);
    let instance = request.uri().path().to_owned();
    // For reads only: a write has taken effect, even if the client has not read the response.
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let if_none_match = request.headers().get(header::IF_NONE_MATCH).filter(|_| is_read).cloned();
    let span = telemetry::request_span(host.service, method, &route, &request_id, request.headers());
    let deadline = call.as_ref().map_or(tokio::time::Instant::now() + DEFAULT_DEADLINE, |call| call.deadline);
    if let Some(call) = call {
        request.extensions_mut().insert(call);
        request.extensions_mut().insert(cursors);
    }

    let (request, arriving) = if grpc { (request, None) } else { TrackedBody::track(request) };
    let answer = tokio::time::timeout_at(deadline, next.run(request)).instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|_| late(grpc, arriving.as_ref()));
    if let Some(arriving) = arriving {
        arriving.discard();
    }
    if is_unknown_rpc(&response) {
        UNMATCHED.clone_into(&mut route);
        telemetry::renamed(&span, method, &route);
    }
    let fault = response.extensions().get::<FaultExt>().map(|FaultExt(fault)| fault.clone());
    if !grpc {
        response = render(response, fault.as_deref(), &request_id, &instance);
        if response.status() == StatusCode::OK
            && if_none_match.is_some_and(|seen| response.headers().get(header::ETAG) == Some(&seen))
        {
            response = not_modified(response);
        }
    }
    let status = response.status();
    let took = start.elapsed();
    host.metrics.request(&Route { service: host.service, method, route: route.clone(), status: class(status) }, took);
    telemetry::answered(&span, status);
    let _entered = span.enter();
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    match fault {
        Some(fault) if status.is_server_error() => {
            tracing::error!(%request_id, method, route, status = status.as_u16(), took_us, cause = fault.chain(), "request failed");
        }
        fault => {
            let reason = fault.as_ref().map_or("", |fault| fault.reason.as_ref());
            tracing::debug!(%request_id, method, route, status = status.as_u16(), took_us, reason, "request answered");
        }
    }
    response
}

/// The response at the deadline: 408 if only the rest of the client's body was missing.
fn late(grpc: bool, arriving: Option<&TrackedBody>) -> Response {
    let fault = if arriving.is_some_and(TrackedBody::is_awaited) {
        Fault::new(Code::Timeout, "request_timeout", "The body did not arrive in time.")
    } else {
        Fault::new(Code::DeadlineExceeded, "deadline_exceeded", "")
    };
    if grpc { tonic::Status::from(fault).into_http() } else { fault.into_response() }
}

/// The route's template, or the name of an RPC, which has no template. All unmatched requests share one label, so that
/// clients cannot create any number of series.
fn route(request: &Request) -> String {
    match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        Some(rpc) if rpc.ends_with("/{*rest}") => request.uri().path().to_owned(),
        Some(template) => template.to_owned(),
        None => UNMATCHED.to_owned(),
    }
}

/// Whether a gRPC server answers that the RPC does not exist. Only the server knows, because the route matches any
/// name.
fn is_unknown_rpc(response: &Response) -> bool {
    tonic::Status::from_header_map(response.headers()).is_some_and(|status| status.code() == tonic::Code::Unimplemented)
}

/// The call for a request's signed context; `None` when the context is missing or invalid.
fn verified_call(host: &ServiceContext, headers: &HeaderMap, request_id: &str) -> Option<RequestContext> {
    let claims = signed_context::verify(&host.keys, text(headers, signed_context::HEADER)?, host.platform_now())?;
    if claims.cell != *host.cell {
        return None;
    }
    let named = text(headers, "bloom-channel").and_then(|id| id.parse().ok());
    // A header cannot change the channel of a storefront's key that is bound to one; the gateway has already refused
    // the attempt.
    let channel = if claims.audience == Audience::Publishable { claims.channel.or(named) } else { named.or(claims.channel) };
    Some(RequestContext {
        tenant: claims.tenant,
        actor: claims.actor,
        scopes: claims.scopes,
        audience: claims.audience,
        channel,
        request_id: request_id.to_owned(),
        idempotency_key: text(headers, "idempotency-key").map(|key| key.trim_matches('"').to_owned()),
        deadline: tokio::time::Instant::now() + timeout(headers).unwrap_or(DEFAULT_DEADLINE).min(LONGEST_DEADLINE),
        trace: text(headers, "traceparent").map(str::to_owned),
    })
}

/// Time left for the response, from the gateway's header or gRPC's own (`<digits><unit>`).
fn timeout(headers: &HeaderMap) -> Option<std::time::Duration> {
    if let Some(ms) = text(headers, "bloom-timeout-ms") {
        return ms.parse().ok().map(std::time::Duration::from_millis);
    }
    let value = text(headers, "grpc-timeout")?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok()?;
    let ns_per_unit: u64 = match unit {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "S" => 1_000_000_000,
        "M" => 60_000_000_000,
        "H" => 3_600_000_000_000,
        _ => return None,
    };
    Some(std::time::Duration::from_nanos(amount.checked_mul(ns_per_unit)?))
}

/// Writes the problem document of a fault, or of an error status that a library produced.
fn render(mut response: Response, fault: Option<&Fault>, request_id: &str, instance: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("bloom-request-id", id);
    }
    let status = response.status();
    let ours;
    let fault = match fault {
        Some(fault) => fault,
        None if status.is_client_error() || status.is_server_error() => {
            ours = of_status(status);
            &ours
        }
        None => return response,
    };
    let document = problem(fault, request_id, instance);
    *response.status_mut() = fault.code.status();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    if let Ok(reason) = HeaderValue::from_str(&fault.reason) {
        headers.insert(REASON, reason);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = fault.retry_after_s {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    *response.body_mut() = document.to_string().into();
    response
}

fn of_status(status: StatusCode) -> Fault {
    match status {
        StatusCode::NOT_FOUND => Fault::new(Code::NotFound, "route_unknown", "There is no such route."),
        StatusCode::METHOD_NOT_ALLOWED => {
            Fault::new(Code::MethodNotAllowed, "method_not_allowed", "This route does not know that method; see Allow.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Fault::new(Code::TooLarge, "body_too_large", "The body is too large."),
        status if status.is_client_error() => Fault::new(Code::Invalid, "invalid_request", "The request is not valid."),
        _ => Fault::new(Code::Internal, "internal", ""),
    }
}

fn not_modified(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    Response::from_parts(parts, axum::body::Body::empty())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn new_request_id(host: &ServiceContext) -> String {
    let mut bytes = [0_u8; 10];
    host.entropy.fill(&mut bytes);
    bytes.iter().fold(String::from("req_"), |id, byte| format!("{id}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use axum::Router;
    use axum::body::Body;
    use axum::routing::any;
    use bloom_kernel::{OsEntropy, SystemClock};
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tower::ServiceExt as _;

    use super::*;
    use bloom_runtime::{Keys, Metrics, Peers};

    fn host() -> ServiceContext {
        ServiceContext {
            service: "test",
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            keys: Keys::from_master(&[7; 32], "test"),
            cell: "local".into(),
            peers: Peers::default(),
            shutdown: tokio_util::sync::CancellationToken::new(),
            metrics: Metrics::default(),
        }
    }

    /// Answers as generated code does: its own RPCs, and UNIMPLEMENTED for all others.
    async fn rpc(request: Request) -> Response {
        let known = request.uri().path().ends_with("/Known");
        let code = if known { tonic::Code::Ok } else { tonic::Code::Unimplemented };
        Response::builder().header(tonic::Status::GRPC_STATUS, code as i32).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn unknown_rpcs_share_one_series() {
        let host = host();
        let routes = Router::new()
            .route("/bloom.test.v1.Test/{*rest}", any(rpc))
            .layer(axum::middleware::from_fn_with_state(EdgeState::new(host.clone()), edge));
        for name in ["bloom.test.v1.Test/Known", "bloom.test.v1.Test/A", "bloom.test.v1.Test/B", "bloom.other.v1.Other/C"] {
            let request = Request::post(format!("/{name}")).header("content-type", "application/grpc").body(Body::empty());
            routes.clone().oneshot(request.unwrap()).await.unwrap();
        }
        let page = host.metrics.render();
        let mut counted: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("http_server_request_duration_seconds_count"))
            .filter_map(|line| line.split(r#"route=""#).nth(1)?.split('"').next())
            .collect();
        counted.sort_unstable();
        counted.dedup();
        assert_eq!(counted, ["/bloom.test.v1.Test/Known", "unmatched"], "{page}");
    }

    /// Runs the test against a server that refuses every request by its headers.
    async fn with_refusing_server(test: impl AsyncFnOnce(SocketAddr)) {
        let refuse = async || Fault::not_found("order");
        let routes =
            Router::new().route("/", any(refuse)).layer(axum::middleware::from_fn_with_state(EdgeState::new(host()), edge));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::select! {
            () = test(address) => {}
            ended = axum::serve(listener, routes) => panic!("the server ended: {ended:?}"),
        }
    }

    /// Larger than any buffer on the way: without draining, the client would be cut off while sending.
    #[tokio::test]
    async fn an_early_refusal_is_readable_after_sending_the_body() {
        with_refusing_server(async |server_address| {
            let sent = vec![b'x'; 32 * 1024 * 1024];
            let mut stream = TcpStream::connect(server_address).await.unwrap();
            let head = format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", sent.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&sent).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        })
        .await;
    }

    /// A short body too, however it is framed: it need not arrive together with the headers.
    #[tokio::test]
    async fn a_body_after_the_refusal_keeps_the_connection_open() {
        with_refusing_server(async |server_address| {
            for (framing, late) in [("content-length: 10", "0123456789"), ("transfer-encoding: chunked", "2\r\n{}\r\n0\r\n\r\n")]
            {
                let mut stream = TcpStream::connect(server_address).await.unwrap();
                let head = format!("POST / HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b"}") {
                    assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{framing}");
                }
                let next = format!("{late}GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
                stream.write_all(next.as_bytes()).await.unwrap();
                let mut second = String::new();
                stream.read_to_string(&mut second).await.unwrap();
                assert!(second.starts_with("HTTP/1.1 404 "), "{framing}: {second}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn the_deadline_status_names_the_side_that_was_late() {
        let read = async |body: Body| drop(http_body_util::BodyExt::collect(body).await);
        let routes = Router::new()
            .route("/reads", any(read))
            .route("/thinks", any(|_: Body| std::future::pending::<()>()))
            .layer(axum::middleware::from_fn_with_state(EdgeState::new(host()), edge));
        let context = host().request(&RequestContext::background("test", bloom_runtime::request_context::PLATFORM, "test"), ());
        let context = context.metadata().get(signed_context::HEADER).unwrap().to_str().unwrap();
        let ask =
            |path, body| Request::post(path).header(signed_context::HEADER, context).header("bloom-timeout-ms", "50").body(body);
        let silent = || Body::from_stream(futures::stream::pending::<Result<Bytes, axum::Error>>());
        for (path, body, status) in [("/reads", silent(), 408), ("/thinks", silent(), 504), ("/thinks", Body::from("{}"), 504)] {
            let answer = routes.clone().oneshot(ask(path, body).unwrap()).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
        }
    }
}
