//! RED metrics by route template, and metrics that services define; rendered as `OpenMetrics` at `/metrics`, and pushed
//! over OTLP (`telemetry`).

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::prometheus_protobuf::{self, prometheus_data_model::MetricFamily};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a request. They hold the route template and never the path, so that the API bounds the number of series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    /// Service that answered.
    pub service: &'static str,
    /// HTTP method ([`method_label`]), or `grpc` for RPCs.
    pub method: &'static str,
    /// Route template, for example `/v1/orders/{id}`.
    pub route: String,
    /// `2xx`, `3xx`, `4xx`, `5xx`
    pub status: &'static str,
}

/// Labels of a metric that a service defines.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ServiceMetric {
    /// Service that reports it.
    pub service: &'static str,
    /// What it counts, for example `outbox_unpublished`.
    pub name: String,
}

/// The metrics of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<Route, Histogram>,
    counters: Family<ServiceMetric, Counter>,
    gauges: Family<ServiceMetric, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        // 0.5 ms to 16 s, doubling.
        let requests = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 2.0, 16)));
        let counters = Family::<ServiceMetric, Counter>::default();
        let gauges = Family::<ServiceMetric, Gauge>::default();
        registry.register("http_server_request_duration_seconds", "Time to answer, by route template", requests.clone());
        registry.register("bloom_events", "Things counted by a service", counters.clone());
        registry.register("bloom_state", "Levels reported by a service", gauges.clone());
        Self { registry: Arc::new(Mutex::new(registry)), requests, counters, gauges }
    }
}

impl Metrics {
    /// Records one answered request.
    pub fn request(&self, route: &Route, took: Duration) {
        self.requests.get_or_create(route).observe(took.as_secs_f64());
    }

    /// Increments a counter of a service.
    pub fn count(&self, service: &'static str, name: &str, by: u64) {
        self.counters.get_or_create(&ServiceMetric { service, name: name.to_owned() }).inc_by(by);
    }

    /// Sets a gauge of a service.
    pub fn level(&self, service: &'static str, name: &str, value: i64) {
        self.gauges.get_or_create(&ServiceMetric { service, name: name.to_owned() }).set(value);
    }

    /// All metrics in `OpenMetrics` text format.
    pub fn render(&self) -> String {
        let mut page = String::new();
        if text::encode(&mut page, &self.registry.lock().unwrap_or_else(PoisonError::into_inner)).is_err() {
            let _ = writeln!(page, "# encoding failed");
        }
        page
    }

    /// All metrics as Prometheus messages; empty if a metric cannot be represented.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_protobuf::encode(&registry).unwrap_or_default()
    }
}

/// The label of a method. Clients may invent methods, and each would otherwise create a series.
pub fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Class of a status, for labels.
pub fn class(status: http::StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "1xx",
    }
}
