//! Checks the headers of a request before it is processed, and removes those that must not reach a service.

use bloom_fault::{Code, Fault};
use bloom_kernel::ChannelId;
use bloom_runtime::Audience;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Version};

use crate::auth::Principal;

/// Maximum number of headers: the services' own limit is 100, and the gateway adds some.
const MOST: usize = 80;
/// Headers that may occur at most once: of two values, two readers might each use a different one.
const SINGLE: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("bloom-cart-token"),
    HeaderName::from_static("bloom-channel"),
    HeaderName::from_static("bloom-version"),
];
/// The client's `Bloom-*` headers that are forwarded; all others are set by the gateway only.
const PASSED: [&str; 3] = ["bloom-channel", "bloom-cart-token", "bloom-version"];
/// Hop-by-hop headers (RFC 9110 section 7.6.1), and headers that claim the client's identity or route.
const DROPPED: [HeaderName; 11] = [
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
    header::AUTHORIZATION,
    header::FORWARDED,
    header::COOKIE,
];

/// Refuses headers that no route accepts.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Fault> {
    let (method, headers) = (request.method(), request.headers());
    if !matches!(*method, Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE) {
        return Err(method_not_allowed());
    }
    // RFC 9112 section 3.2.
    if request.version() == Version::HTTP_11 && headers.get_all(header::HOST).iter().count() != 1 {
        return Err(Fault::new(Code::Invalid, "host_invalid", "A request names its host, once, in the header ServiceContext."));
    }
    if MOST < headers.len() {
        return Err(Fault::new(Code::TooLarge, "headers_too_many", format!("Send at most {MOST} headers.")));
    }
    if let Some(name) = SINGLE.iter().find(|name| 1 < headers.get_all(*name).iter().count()) {
        return Err(Fault::new(
            Code::Invalid,
            "header_repeated",
            format!("Send the header {name} once: it came more than once."),
        ));
    }
    let starts = |name: HeaderName, prefix: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if starts(header::CONTENT_TYPE, "application/grpc") {
        let detail = "The public API is JSON over HTTP; gRPC is spoken between services only.";
        return Err(Fault::new(Code::UnsupportedMedia, "content_type_unsupported", detail));
    }
    let is_plain = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        let detail = "Send the body as it is, without Content-Encoding: compressed bodies are not read.";
        return Err(Fault::new(Code::UnsupportedMedia, "content_encoding_unsupported", detail));
    }
    check_idempotency_key(headers)
}

/// The refusal of a method that is not supported at a path; see [`allowed`](crate::answer::allowed).
pub(crate) fn method_not_allowed() -> Fault {
    Fault::new(Code::MethodNotAllowed, "method_not_allowed", "This method is not served here; see Allow.")
}

fn check_idempotency_key(headers: &HeaderMap) -> Result<(), Fault> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(()) };
    let good = key.to_str().is_ok_and(|key| {
        let bare = key.trim().trim_matches('"');
        !bare.is_empty() && bare.len() <= 255
    });
    if good {
        return Ok(());
    }
    Err(Fault::new(Code::Invalid, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 printable ASCII characters."))
}

/// Refuses a malformed channel, and one that a storefront's key is not bound to.
pub(crate) fn check_channel(principal: &Principal, headers: &HeaderMap) -> Result<(), Fault> {
    let Some(value) = headers.get("bloom-channel") else { return Ok(()) };
    let Some(named) = value.to_str().ok().and_then(|text| text.parse::<ChannelId>().ok()) else {
        return Err(Fault::new(Code::Invalid, "channel_invalid", "The header Bloom-Channel holds a channel's id, `chan_…`."));
    };
    let fixed = principal.claims().channel.filter(|_| principal.claims().audience == Audience::Publishable);
    if fixed.is_none_or(|fixed| fixed == named) {
        return Ok(());
    }
    let detail = "This publishable key is fixed to another channel. Leave Bloom-Channel out, or use that channel's own key.";
    Err(Fault::new(Code::Forbidden, "channel_fixed", detail).policy("key:channel"))
}

/// Removes all headers that claim the client's identity, route or connection.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&DROPPED) {
        headers.remove(name);
    }
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            let internal = name.starts_with("bloom-") && !PASSED.contains(&name);
            internal || name.starts_with("x-forwarded-") || name.starts_with("grpc-") || name == "x-real-ip"
        })
        .cloned()
        .collect();
    for name in ours {
        headers.remove(name);
    }
}
