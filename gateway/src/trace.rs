//! Finds the trace of a request: the client's if it sends one. If spans are exported, the gateway's own span joins it
//! and is the parent of the service's span; otherwise no span is created.

use bloom_runtime::metrics::method_label;
use bloom_runtime::telemetry;
use http::header::HeaderName;
use http::{HeaderValue, Request};
use tracing::Span;

use crate::config::GatewayConfig;
use crate::{NAME, proxy};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace of one request.
pub(crate) struct Trace {
    /// Disabled where spans are not exported, and for the gateway's own endpoints.
    pub(crate) span: Span,
    /// For the access log.
    pub(crate) id: Option<String>,
}

impl Trace {
    /// Finds the trace, and sets the request's `traceparent` for the service.
    pub(crate) fn of<B>(config: &GatewayConfig, request: &mut Request<B>, request_id: &str) -> Self {
        let parent = request.headers().get(TRACEPARENT);
        let id = parent.and_then(|parent| telemetry::valid_traceparent(parent.to_str().ok()?)).map(str::to_owned);
        if parent.is_some() && id.is_none() {
            // An invalid `traceparent` would be stored with the events that the request causes.
            request.headers_mut().remove(TRACEPARENT);
        }
        let path = request.uri().path();
        if !telemetry::exports_traces() || proxy::OWN.contains(&path) {
            return Self { span: Span::none(), id };
        }
        let route = config.route(path).map_or("unmatched", |route| &route.prefix);
        let span = telemetry::request_span(NAME, method_label(request.method()), route, request_id, request.headers());
        let Some(ours) = telemetry::traceparent_of(&span) else { return Self { span, id } };
        let id = telemetry::valid_traceparent(&ours).map(str::to_owned);
        if let Ok(ours) = HeaderValue::from_str(&ours) {
            request.headers_mut().insert(TRACEPARENT, ours);
        }
        Self { span, id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> GatewayConfig {
        let addresses = bloom_fleet::SERVICES.iter().map(|name| ((*name).to_owned(), "http://127.0.0.1:1".to_owned()));
        GatewayConfig::new(&addresses.collect()).expect("the routes are good")
    }

    #[test]
    fn without_a_collector_the_clients_trace_passes_through() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut request = Request::get("/v1/orders/1").header(TRACEPARENT, good).body(()).expect("a request");
        let trace = Trace::of(&config(), &mut request, "req_1");
        assert!(trace.span.is_disabled());
        assert_eq!(trace.id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(request.headers()[TRACEPARENT], good);
    }

    #[test]
    fn an_invalid_traceparent_is_not_forwarded() {
        let mut request = Request::get("/v1/orders/1").header(TRACEPARENT, "asha@example.com").body(()).expect("a request");
        let trace = Trace::of(&config(), &mut request, "req_1");
        assert_eq!(trace.id, None);
        assert!(request.headers().is_empty());
    }
}
