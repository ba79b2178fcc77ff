//! Logs as JSON lines (or as text on a terminal); traces, metrics and logs over OTLP when a collector is configured; and
//! the W3C trace context of incoming and outgoing requests.
//!
//! | module | what it is |
//! |---|---|
//! | `spans` | the span of a request or of background work, and its parent |
//! | `metrics_exporter` | pushes the metrics of `/metrics` to a collector |
//! | `series` | converts them to OTLP |

mod metrics_exporter;
mod series;
mod spans;

use std::time::Duration;

use bloom_kernel::{Clock as _, OsEntropy, SystemClock};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::request_context::PLATFORM;
use crate::task::StartError;

pub use self::metrics_exporter::MetricsRegistry;
pub use self::spans::{
    answered, background_span, exports_traces, renamed, request_span, traceparent, traceparent_of, valid_traceparent,
};

/// How a process is observed.
#[derive(Clone, Debug, clap::Args)]
pub struct TelemetryConfig {
    /// What is logged, for example `info,bloom_orders=debug`; when absent `info`, and of `./dev up` `warn`.
    #[arg(long, global = true, env = "BLOOM_LOG")]
    pub log: Option<String>,
    /// `json` for machines, `text` for people; when absent `json`, and of `./dev up` `text`.
    #[arg(long, global = true, env = "BLOOM_LOG_FORMAT")]
    pub log_format: Option<String>,
    /// OTLP/gRPC endpoint of a collector, for example `http://otel-collector:4317`; no traces, figures or logs leave
    /// without one.
    #[arg(long, global = true, env = "BLOOM_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Share of traces that are kept when the caller did not decide, 0 to 1.
    #[arg(long, global = true, env = "BLOOM_TRACE_RATIO", default_value_t = 1.0)]
    pub trace_ratio: f64,
    /// The metrics of every service in this process.
    #[arg(skip)]
    pub metrics: MetricsRegistry,
}

/// Timeout for the last export of each kind of telemetry, so that an unreachable collector does not delay the end of
/// the process.
const LAST_EXPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// The access log's target. Its lines are not exported as span events, which would store every path twice.
pub const ACCESS: &str = "access";

/// The layer that writes log lines.
type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// Flushes buffered telemetry when dropped; keep it until the end of the process.
pub struct Guard {
    exports: Option<Exports>,
}

struct Exports {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
    /// Dropping it pushes the metrics once more.
    metrics: Option<metrics_exporter::Push>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut exports) = self.exports.take() {
            drop(exports.metrics.take());
            let _ = exports.traces.shutdown_with_timeout(LAST_EXPORT_TIMEOUT);
            let _ = exports.logs.shutdown_with_timeout(LAST_EXPORT_TIMEOUT);
        }
    }
}

/// Starts logging, tracing and the push of metrics for the process.
pub fn init(process: &str, config: &TelemetryConfig) -> Result<Guard, StartError> {
    let log = config.log.as_deref().unwrap_or("info");
    let filter =
        EnvFilter::try_new(log).map_err(|error| StartError::caused(format!("BLOOM_LOG is not a filter: `{log}`"), error))?;
    let exports = config.otlp_endpoint.as_deref().map(|endpoint| exports(process, endpoint, config)).transpose()?;
    let lines: Lines = if config.log_format.as_deref() == Some("text") {
        tracing_subscriber::fmt::layer().compact().with_writer(std::io::stderr).boxed()
    } else {
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed()
    };
    match &exports {
        None => tracing_subscriber::registry().with(lines).with(filter).init(),
        Some(exports) => exporting(lines, &filter, exports).init(),
    }
    spans::export(exports.is_some());
    Ok(Guard { exports })
}

/// Log lines and exported records use the same filter; spans are exported whatever is logged.
fn exporting(lines: Lines, filter: &EnvFilter, Exports { traces, logs, .. }: &Exports) -> impl Subscriber + Send + Sync + use<> {
    // Without a level hint, everything that libraries trace would be evaluated.
    let only = |wanted: fn(&Metadata<'_>) -> bool| filter_fn(wanted).with_max_level_hint(LevelFilter::TRACE);
    let spans = EnvFilter::new("info").and(only(|metadata| ours(metadata) && metadata.target() != ACCESS));
    let tracer = traces.tracer("bloom");
    let spans_layer = tracing_opentelemetry::layer().with_location(false).with_threads(false).with_tracer(tracer);
    let records_layer = opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge::new(logs);
    let layers = vec![
        lines.with_filter(filter.clone()).boxed(),
        spans_layer.with_filter(spans).boxed(),
        records_layer.with_filter(filter.clone().and(only(ours))).boxed(),
    ];
    tracing_subscriber::registry().with(layers).with(Afresh)
}

/// The exporters, and the name under which the process reports.
fn exports(process: &str, endpoint: &str, config: &TelemetryConfig) -> Result<Exports, StartError> {
    let bad = |error| StartError::caused(format!("BLOOM_OTLP_ENDPOINT is not usable: `{endpoint}`"), error);
    let spans = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
    let records = opentelemetry_otlp::LogExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
    // Each pod needs an instance id: otherwise the sums of two pods would look like one that jumps.
    let instance = bloom_kernel::uuid_v7(SystemClock.now(PLATFORM), &OsEntropy).to_string();
    let resource = Resource::builder()
        .with_service_name(process.to_owned())
        .with_attribute(KeyValue::new("service.instance.id", instance))
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_ratio)));
    Ok(Exports {
        metrics: Some(metrics_exporter::Push::start(endpoint, &resource, config.metrics.clone())?),
        traces: SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(sampler)
            .with_batch_exporter(spans)
            .build(),
        logs: SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(records).build(),
    })
}

/// Makes the filters of all layers evaluate every span and event. Filters store their answers in the thread until they
/// are used. A caller that asks and then emits nothing (the bridge from the `log` crate does so whenever the answer is
/// no) leaves stale answers behind. A span whose callsite is always enabled does not ask again and would be dropped
/// because of the stale answers.
struct Afresh;

impl<S: Subscriber> Layer<S> for Afresh {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    /// This layer itself needs no level.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }
}

/// False for the exporters' own dependencies: records about sending records would never end.
fn ours(metadata: &Metadata<'_>) -> bool {
    const BENEATH: [&str; 6] = ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry"];
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    !BENEATH.contains(&crate_name) && !crate_name.starts_with("opentelemetry")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Mutex;

    use http::HeaderMap;

    use super::*;

    #[test]
    fn spans_follow_the_log_level_and_hide_no_parent() {
        let exports =
            Exports { traces: SdkTracerProvider::builder().build(), logs: SdkLoggerProvider::builder().build(), metrics: None };
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink).boxed();
        let subscriber = exporting(lines, &EnvFilter::new("info,bloom_orders=debug"), &exports);
        assert_eq!(subscriber.max_level_hint(), Some(LevelFilter::DEBUG));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                // As the bridge from the `log` crate does, which has no callsite that could have been refused for good.
                let refused = tracing::debug_span!("refused");
                let metadata = refused.metadata().expect("a disabled span has metadata");
                tracing::dispatcher::get_default(|dispatch| dispatch.enabled(metadata));
                let span = request_span("orders", "GET", "/v1/orders", "req_1", &HeaderMap::new());
                assert!(!span.is_disabled());
                assert!(traceparent_of(&span).is_some());
            }
        });
    }

    #[test]
    fn every_log_line_of_a_request_has_its_id() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(Mutex::new(writer));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let span = request_span("orders", "GET", "/v1/orders", "req_1", &HeaderMap::new());
            span.in_scope(|| tracing::warn!("a neighbour is away"));
        });
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert!(written.contains(r#""request_id":"req_1""#), "{written}");
    }
}
