//! Spans of requests and of background work, as children of the work that caused them here or in another process.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, StatusCode};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Maximum number of other traces that a batch of events is linked to.
const MOST_LINKS: usize = 32;

/// Set once, when the process starts.
static EXPORTED: AtomicBool = AtomicBool::new(false);

/// Records whether this process exports spans.
pub(super) fn export(exported: bool) {
    EXPORTED.store(exported, Ordering::Relaxed);
}

/// True when this process exports spans; otherwise hot paths need not create any.
pub fn exports_traces() -> bool {
    EXPORTED.load(Ordering::Relaxed)
}

/// The span of one request, as a child of the caller's. The route is a template. The only id in a span is the request's
/// own, which every log line of the request repeats.
pub fn request_span(service: &'static str, method: &str, route: &str, request_id: &str, headers: &HeaderMap) -> Span {
    // Fields that only a collector reads are left out of log lines where there is none.
    let (name, kind) = if exports_traces() { (Some(format!("{method} {route}")), Some("server")) } else { (None, None) };
    // A service in the same process is not used as parent, because its fields would be repeated in log lines; its trace
    // is in the headers.
    let span =
        tracing::info_span!(parent: None, "request", otel.name = name, otel.kind = kind, service, method, route, request_id);
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        let _ = span.set_parent(parent);
    }
    span
}

/// Renames a request's span when its route is known only from the answer.
pub fn renamed(span: &Span, method: &str, route: &str) {
    span.record("route", route);
    if exports_traces() {
        span.record("otel.name", format!("{method} {route}"));
    }
}

/// Records on the span how a request ended.
pub fn answered(span: &Span, status: StatusCode) {
    if !exports_traces() {
        return;
    }
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// The span of work that events or a timer started: child of the first trace that published any of it, linked to the
/// others, because one batch may apply events of many requests.
pub fn background_span<'t>(service: &'static str, name: &str, traces: impl IntoIterator<Item = &'t str>) -> Span {
    let span = tracing::info_span!("background", otel.name = name, otel.kind = "consumer", service);
    if !exports_traces() {
        return span;
    }
    let mut traces = traces.into_iter();
    let Some(first) = traces.next() else { return span };
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Single(first)));
    // Consecutive events of one request have the same parent.
    let mut before = first;
    for other in traces.filter(|other| *other != std::mem::replace(&mut before, other)).take(MOST_LINKS) {
        let context = TraceContextPropagator::new().extract(&Single(other));
        span.add_link(context.span().span_context().clone());
    }
    span
}

/// W3C traceparent of the current span, when tracing is on.
pub fn traceparent() -> Option<String> {
    if exports_traces() { traceparent_of(&Span::current()) } else { None }
}

/// W3C traceparent of a span, when tracing is on.
pub fn traceparent_of(span: &Span) -> Option<String> {
    let mut carrier = Carrier(None);
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.0
}

/// The trace id of a valid `traceparent` (W3C Trace Context version 00, or the part that later versions share).
pub fn valid_traceparent(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let hex = |part: std::ops::Range<usize>| {
        bytes.get(part).is_some_and(|part| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    };
    let some = |part: std::ops::Range<usize>| hex(part.clone()) && bytes[part].iter().any(|byte| *byte != b'0');
    let dashes = [2, 35, 52].iter().all(|place| bytes.get(*place) == Some(&b'-'));
    let version = hex(0..2) && !text.starts_with("ff");
    let length = bytes.len() == 55 || (bytes.len() > 55 && !text.starts_with("00") && bytes[55] == b'-');
    (length && dashes && version && some(3..35) && some(36..52) && hex(53..55)).then(|| &text[3..35])
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct Single<'t>(&'t str);

impl Extractor for Single<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }
    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

struct Carrier(Option<String>);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.0 = Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::valid_traceparent;

    #[test]
    fn only_a_valid_traceparent_is_accepted() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(valid_traceparent(good), Some("0af7651916cd43dd8448eb211c80319c"));
        assert!(valid_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").is_some());
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
            "00-asha@example.com4448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(valid_traceparent(bad), None, "{bad}");
        }
    }
}
