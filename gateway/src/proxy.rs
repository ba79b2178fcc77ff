//! Handles a request, read top to bottom: path, route, key, rate limit, version; then the upstream with a signed
//! context and without any header of the client that could be mistaken for one.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bloom_fault::{Code, Fault};
use bloom_runtime::telemetry;
use bloom_runtime::{metrics::Route as RouteLabel, metrics::method_label};
use bloom_web::REASON;
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::{Body as _, Incoming};
use tracing::Instrument as _;

use crate::answer::{self, Body, full};
use crate::arriving::{self, Awaited, EARLY, IncomingBody, LINGER, TooLong};
use crate::config::Route;
use crate::limit::Decision;
use crate::trace::Trace;
use crate::{Gateway, NAME, docs, headers, path, version};

/// The gateway's own endpoints, which create no spans because probes and scrapes call them all day.
pub(crate) const OWN: [&str; 7] = ["/", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/"];

/// Maximum length of a path in replies and logs.
const PATH_TOLD: usize = 1_024;

/// Facts about a request that the access log and the metrics need.
#[derive(Default)]
struct Facts {
    /// Prefix of the route, never the path: metrics and spans are named by it.
    route: String,
    service: String,
    key_id: String,
    tenant: String,
    limit: Option<Decision>,
    reason: String,
    /// The rest of the body is not read, so the connection closes after this answer.
    ends: bool,
}

/// Answers one request; never fails.
pub(crate) async fn answer(
    gateway: Arc<Gateway>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let start = Instant::now();
    let request_id = request_id(&gateway);
    let Trace { span, id: trace_id } = Trace::of(&gateway.config, &mut request, &request_id);
    let (method, path) = (request.method().clone(), request.uri().path());
    // Truncated for replies and logs; every route is shorter.
    let path = path[..path.floor_char_boundary(PATH_TOLD)].to_owned();
    let client = gateway.config.trusted_proxies.client(peer.ip(), request.headers());
    let mut facts = Facts::default();
    let version = version::negotiate(request.headers());
    let (version, outcome) = match version {
        Ok(version) => {
            let handled = handle(&gateway, client, request, &request_id, &mut facts).instrument(span.clone());
            (version, handled.await)
        }
        Err(fault) => {
            facts.ends = !arriving::end(request, EARLY).await;
            (HeaderValue::from_static(version::VERSIONS[version::VERSIONS.len() - 1]), Err(fault))
        }
    };
    let mut response = outcome.unwrap_or_else(|fault| {
        facts.reason = fault.reason.to_string();
        answer::refusal(&fault, &request_id, &path)
    });
    let id = HeaderValue::from_str(&request_id).unwrap_or(HeaderValue::from_static(""));
    answer::finish(&mut response, id, version, facts.limit.as_ref());
    if facts.ends {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status().as_u16();
    let took = start.elapsed();
    let label = RouteLabel {
        service: NAME,
        method: method_label(&method),
        route: if facts.route.is_empty() { "unmatched".to_owned() } else { facts.route },
        status: bloom_runtime::metrics::class(response.status()),
    };
    gateway.host.metrics.request(&label, took);
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    telemetry::answered(&span, response.status());
    // Never log the query string, which may contain an e-mail address, and never the key, only its id.
    let Facts { service, key_id, tenant, reason, .. } = facts;
    span.in_scope(|| {
        tracing::info!(
            target: telemetry::ACCESS, request_id, trace_id, %method, path, status, took_us, service, key_id, tenant, reason,
            "request"
        );
    });
    Ok(response)
}

async fn handle(
    gateway: &Gateway,
    client: IpAddr,
    mut request: Request<Incoming>,
    request_id: &str,
    facts: &mut Facts,
) -> Result<Response<Body>, Fault> {
    let early = match admit(gateway, client, &mut request, facts).await {
        Ok(Admitted::To(route)) => return forward(gateway, client, route, request, request_id, facts).await,
        Ok(Admitted::Answered(response)) => Ok(response),
        Err(fault) => Err(fault),
    };
    facts.ends = !arriving::end(request, EARLY).await;
    early
}

/// Result of the checks before the body is read.
enum Admitted<'a> {
    /// Forward it to this route's service.
    To(&'a Route),
    /// Already answered by the gateway.
    Answered(Response<Body>),
}

async fn admit<'a>(
    gateway: &'a Gateway,
    client: IpAddr,
    request: &mut Request<Incoming>,
    facts: &mut Facts,
) -> Result<Admitted<'a>, Fault> {
    path::check(request.uri().path())?;
    if OWN.contains(&request.uri().path()) {
        request.uri().path().clone_into(&mut facts.route);
        return Ok(Admitted::Answered(own(gateway, client, request.method(), request.uri().path()).await?));
    }
    let Some(route) = gateway.config.route(request.uri().path()) else {
        gateway.limiter.check_anonymous(client)?;
        return Err(route_unknown());
    };
    facts.route.clone_from(&route.prefix);
    facts.service.clone_from(&route.service);
    if *request.method() == Method::OPTIONS {
        return Ok(Admitted::Answered(answer::preflight()));
    }
    headers::check(request)?;
    let principal = if route.anonymous {
        gateway.limiter.check_anonymous(client)?;
        None
    } else {
        let Gateway { key_cache, host, limiter, .. } = gateway;
        let principal = key_cache.authenticate(host, limiter, client, request.headers()).await?;
        headers::check_channel(&principal, request.headers())?;
        Some(principal)
    };
    headers::strip(request.headers_mut());
    if let Some(principal) = principal {
        facts.key_id.clone_from(&principal.key_id);
        facts.tenant.clone_from(&principal.tenant_text);
        let limit = gateway.limiter.check(&gateway.host, &principal).await;
        facts.limit = Some(limit);
        if !limit.allowed {
            return Err(limit.refusal());
        }
        request
            .headers_mut()
            .insert(HeaderName::from_static(bloom_runtime::signed_context::HEADER), principal.context(&gateway.host));
    }
    Ok(Admitted::To(route))
}

async fn forward(
    gateway: &Gateway,
    client: IpAddr,
    route: &Route,
    mut request: Request<Incoming>,
    request_id: &str,
    facts: &mut Facts,
) -> Result<Response<Body>, Fault> {
    if request.body().size_hint().lower() > route.body_limit_bytes {
        facts.ends = !arriving::end(request, LINGER).await;
        return Err(too_large(route));
    }
    let headers = request.headers_mut();
    let ascii = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    headers.insert(HeaderName::from_static("bloom-request-id"), ascii(request_id));
    headers.insert(HeaderName::from_static("bloom-timeout-ms"), route.timeout_ms.into());
    headers.insert(HeaderName::from_static("x-forwarded-for"), ascii(&client.to_string()));
    let mut uri = Uri::default().into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = gateway.config.upstreams.get(&route.service).cloned();
    uri.path_and_query = request.uri().path_and_query().cloned().or_else(|| Some(PathAndQuery::from_static("/")));
    *request.uri_mut() = Uri::from_parts(uri).map_err(Fault::internal)?;
    *request.version_mut() = http::Version::HTTP_11;
    let awaited = Awaited::default();
    let request = request.map(|body| IncomingBody::new(body, route.body_limit_bytes, awaited.clone()));
    let answer = tokio::time::timeout(route.timeout(), gateway.upstream.request(request)).await;
    // The service has the same deadline and may report it first.
    let late = |response: &Response<_>| response.status() == StatusCode::GATEWAY_TIMEOUT;
    if answer.as_ref().map_or(true, |answer| answer.as_ref().is_ok_and(late)) && awaited.is_so() {
        awaited.end();
        // The rest of the body may still arrive and will not be read.
        facts.ends = true;
        return Err(too_slow(route));
    }
    facts.ends = !awaited.has_come();
    match answer {
        Err(_) => Err(Fault::new(Code::DeadlineExceeded, "deadline_exceeded", "")),
        Ok(Err(error)) if is_too_long(&error) => {
            facts.ends = !awaited.discard().await;
            Err(too_large(route))
        }
        Ok(Err(error)) if error.is_connect() => {
            Err(Fault::new(Code::Unavailable, "service_unavailable", "").retry_after(1).source(error))
        }
        Ok(Err(error)) if is_body_cut_off(&error) => Err(Fault::new(
            Code::Invalid,
            "body_incomplete",
            "The body ended before it was complete, or was not framed as HTTP asks.",
        )),
        Ok(Err(error)) => Err(Fault::new(Code::BadGateway, "upstream_failed", "").source(error)),
        Ok(Ok(response)) => {
            let mut response = response.map(http_body_util::Either::Left);
            if let Some(reason) = response.headers_mut().remove(REASON) {
                reason.to_str().unwrap_or_default().clone_into(&mut facts.reason);
            }
            for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
                response.headers_mut().remove(name);
            }
            Ok(response)
        }
    }
}

/// The gateway's own endpoints. The one that is expensive counts towards the rate limit of requests without a key.
async fn own(gateway: &Gateway, client: IpAddr, method: &Method, path: &str) -> Result<Response<Body>, Fault> {
    match *method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(answer::preflight()),
        _ => return Err(headers::method_not_allowed()),
    }
    let text = |kind: &'static str, body: Bytes| {
        let mut response = Response::new(full(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    };
    Ok(match path {
        "/" => text(
            "application/json",
            Bytes::from_static(br#"{"name":"Bloom","api":"/openapi.json","reference":"/docs","health":"/readyz"}"#),
        ),
        "/docs" => docs::page(),
        "/docs/" => docs::moved(),
        "/livez" => text("text/plain", Bytes::from_static(b"ok\n")),
        "/readyz" => match gateway.readiness.waiting_for(gateway).await {
            None => text("text/plain", Bytes::from_static(b"ready\n")),
            Some(what) => {
                let mut response = text("text/plain", Bytes::from(format!("waiting for {what}\n")));
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                response
            }
        },
        "/metrics" => {
            text("application/openmetrics-text; version=1.0.0; charset=utf-8", Bytes::from(gateway.host.metrics.render()))
        }
        "/openapi.json" => {
            gateway.limiter.check_anonymous(client)?;
            text("application/json", gateway.described.document(gateway).await)
        }
        _ => return Err(route_unknown()),
    })
}

fn request_id(gateway: &Gateway) -> String {
    let id = bloom_kernel::uuid_v7(gateway.host.platform_now(), &*gateway.host.entropy);
    format!("req_{}", id.simple())
}

fn route_unknown() -> Fault {
    Fault::new(Code::NotFound, "route_unknown", "There is no such route. `/openapi.json` lists those that exist.")
}

fn too_large(route: &Route) -> Fault {
    Fault::new(Code::TooLarge, "body_too_large", format!("The body is larger than {} bytes.", route.body_limit_bytes))
}

fn too_slow(route: &Route) -> Fault {
    let detail = format!("The body did not arrive in time: a request has {} ms for all of it.", route.timeout_ms);
    Fault::new(Code::Timeout, "request_timeout", detail)
}

/// Whether the client's body failed, and not the service.
fn is_body_cut_off(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_user)
}

fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooLong>() {
            return true;
        }
        cause = error.source();
    }
    false
}
