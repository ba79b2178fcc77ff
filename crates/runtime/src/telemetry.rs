//! Logs as JSON lines (or readable ones on a terminal), traces over OTLP when a collector is configured, and the W3C
//! trace context in and out.

use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::task::StartError;

/// How a process is observed.
#[derive(Clone, Debug, clap::Args)]
pub struct TelemetryConfig {
    /// What is logged, for example `info,bloom_orders=debug`.
    #[arg(long, env = "BLOOM_LOG", default_value = "info")]
    pub log: String,
    /// `json` for machines, `text` for people.
    #[arg(long, env = "BLOOM_LOG_FORMAT", default_value = "json")]
    pub log_format: String,
    /// OTLP/gRPC endpoint of a collector, for example `http://otel-collector:4317`; no traces leave without one.
    #[arg(long, env = "BLOOM_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Share of traces that are kept when the caller did not decide, 0 to 1.
    #[arg(long, env = "BLOOM_TRACE_RATIO", default_value_t = 1.0)]
    pub trace_ratio: f64,
}

/// Flushes what is buffered when dropped; hold it until the very end.
pub struct Guard {
    traces: Option<SdkTracerProvider>,
    logs: Option<opentelemetry_sdk::logs::SdkLoggerProvider>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A collector that is gone must not hold up the end of the process.
        if let Some(traces) = &self.traces {
            let _ = traces.shutdown_with_timeout(Duration::from_secs(2));
        }
        if let Some(logs) = &self.logs {
            let _ = logs.shutdown_with_timeout(Duration::from_secs(2));
        }
    }
}

/// Starts logging and tracing for the process.
pub fn init(process: &str, config: &TelemetryConfig) -> Result<Guard, StartError> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| StartError::caused(format!("BLOOM_LOG is not a filter: `{}`", config.log), error))?;
    let resource = Resource::builder().with_service_name(process.to_owned()).build();
    let (traces, logs) = match &config.otlp_endpoint {
        None => (None, None),
        Some(endpoint) => {
            let bad = |error| StartError::caused(format!("BLOOM_OTLP_ENDPOINT is not usable: `{endpoint}`"), error);
            let spans =
                opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint.clone()).build().map_err(bad)?;
            let records =
                opentelemetry_otlp::LogExporter::builder().with_tonic().with_endpoint(endpoint.clone()).build().map_err(bad)?;
            let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_ratio)));
            let traces = SdkTracerProvider::builder()
                .with_resource(resource.clone())
                .with_sampler(sampler)
                .with_batch_exporter(spans)
                .build();
            let logs = opentelemetry_sdk::logs::SdkLoggerProvider::builder()
                .with_resource(resource)
                .with_batch_exporter(records)
                .build();
            (Some(traces), Some(logs))
        }
    };
    let trace_layer = traces
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("bloom")).with_filter(EnvFilter::new("info")));
    let log_layer = logs.as_ref().map(opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge::new);
    let lines = if config.log_format == "text" {
        tracing_subscriber::fmt::layer().compact().with_writer(std::io::stderr).boxed()
    } else {
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed()
    };
    tracing_subscriber::registry().with(trace_layer).with(lines.with_filter(filter)).with(log_layer).init();
    Ok(Guard { traces, logs })
}

/// The span of one request, child of the caller's.
pub fn request_span(service: &'static str, method: &str, route: &str, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!("request", otel.name = %format_args!("{method} {route}"), service, method, route);
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        let _ = span.set_parent(parent);
    }
    span
}

/// The span of work that an event or timer started, child of the trace that published it.
pub fn background_span(service: &'static str, name: &str, traceparent: Option<&str>) -> Span {
    let span = tracing::info_span!("background", otel.name = name, service);
    if let Some(parent) = traceparent {
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Single(parent)));
    }
    span
}

/// W3C traceparent of the current span, when tracing is on.
pub fn traceparent() -> Option<String> {
    let mut carrier = Carrier(None);
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.0
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
