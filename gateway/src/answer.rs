//! Responses to the client: the upstream's reply or the gateway's own refusal, with the headers that every reply
//! carries.

use bloom_fault::{Code, Fault, problem};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use crate::limit::Decision;
use crate::proxy::OWN;

/// A response body: passed through from the upstream, or the gateway's own.
pub(crate) type Body = Either<Incoming, Full<Bytes>>;

/// A response body of the gateway's own.
pub(crate) fn full(text: impl Into<Bytes>) -> Body {
    Either::Right(Full::new(text.into()))
}

/// A refusal as problem+json. The cause of a 5xx is logged here, once.
pub(crate) fn refusal(fault: &Fault, request_id: &str, path: &str) -> Response<Body> {
    if fault.code.status().is_server_error() {
        tracing::error!(request_id, path, cause = fault.chain(), "request failed");
    }
    let mut response = Response::new(full(problem(fault, request_id, path).to_string()));
    *response.status_mut() = fault.code.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = fault.retry_after_s {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if fault.code == Code::MethodNotAllowed {
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed(path)));
    }
    if fault.code.status() == http::StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The methods that the gateway lets through at a path. The service decides which of them a route supports.
pub(crate) fn allowed(path: &str) -> &'static str {
    if OWN.contains(&path) { "GET, HEAD, OPTIONS" } else { "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" }
}

/// Adds the headers that every reply carries.
pub(crate) fn finish(response: &mut Response<Body>, request_id: HeaderValue, version: HeaderValue, limit: Option<&Decision>) {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("bloom-request-id"), request_id);
    headers.insert(HeaderName::from_static("bloom-version"), version);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "ETag, Bloom-Request-Id, Bloom-Version, RateLimit, RateLimit-Policy, Retry-After, Idempotent-Replayed",
        ),
    );
    if let Some(limit) = limit {
        headers.insert(HeaderName::from_static("ratelimit-policy"), limit.policy_field());
        headers.insert(HeaderName::from_static("ratelimit"), limit.field());
    }
}

/// Answers a CORS preflight request. Any origin is allowed, because keys are sent in a header and never in a cookie.
pub(crate) fn preflight() -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, HEAD"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Bloom-Version, Bloom-Channel, Bloom-Cart-Token, traceparent",
        ),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    response
}
