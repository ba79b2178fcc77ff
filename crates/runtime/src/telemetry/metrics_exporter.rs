//! Pushes the metrics of `/metrics` to a collector. It reads them as a scrape does, so that nothing is counted twice
//! and requests have no extra cost.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bloom_kernel::{Clock as _, SystemClock};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_sdk::Resource;
use tonic::transport::{Channel, Endpoint};

use super::{LAST_EXPORT_TIMEOUT, series};
use crate::metrics::Metrics;
use crate::request_context::PLATFORM;
use crate::task::StartError;

/// Push interval.
const EVERY: Duration = Duration::from_secs(15);

/// The metrics of every service in a process, which share one connection to the collector. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct MetricsRegistry(Arc<Mutex<Vec<Metrics>>>);

impl MetricsRegistry {
    /// Creates metrics that are pushed with the others from now on.
    pub fn metrics(&self) -> Metrics {
        let metrics = Metrics::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(metrics.clone());
        metrics
    }

    fn all(&self) -> Vec<Metrics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Pushes every 15 seconds, and once more when it is dropped.
pub(super) struct Push {
    /// Dropped to request the last push.
    stop: Option<mpsc::Sender<()>>,
    /// Disconnected by the thread after the last push.
    done: mpsc::Receiver<()>,
}

impl Push {
    /// Starts the first interval. Counters are reported as counted from now on.
    pub(super) fn start(endpoint: &str, resource: &Resource, registry: MetricsRegistry) -> Result<Self, StartError> {
        let bad = |error| StartError::caused(format!("BLOOM_OTLP_ENDPOINT is not usable: `{endpoint}`"), error);
        let channel = Endpoint::from_shared(endpoint.to_owned())
            .map_err(bad)?
            .timeout(LAST_EXPORT_TIMEOUT)
            .connect_timeout(LAST_EXPORT_TIMEOUT);
        let mut pusher = Pusher {
            client: MetricsServiceClient::new(channel.connect_lazy()),
            registry,
            resource: resource.into(),
            start_ns: now_ns(),
            failing: false,
        };
        let (stop, stopped) = mpsc::channel();
        let (working, done) = mpsc::channel();
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own, like the exporters of spans and records: the last push is awaited in `drop`, which
        // cannot be async.
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            let _working: mpsc::Sender<()> = working;
            loop {
                let last = stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                runtime.block_on(pusher.push());
                if last {
                    return;
                }
            }
        });
        thread.map_err(|error| StartError::caused("no thread can be started for the metrics", error))?;
        Ok(Self { stop: Some(stop), done })
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A push times out by itself, but another may have started just before.
        let _ = self.done.recv_timeout(LAST_EXPORT_TIMEOUT * 2);
    }
}

struct Pusher {
    client: MetricsServiceClient<Channel>,
    registry: MetricsRegistry,
    resource: opentelemetry_proto::tonic::resource::v1::Resource,
    start_ns: u64,
    failing: bool,
}

impl Pusher {
    async fn push(&mut self) {
        let now_ns = now_ns();
        let scope = || InstrumentationScope { name: "bloom".to_owned(), ..InstrumentationScope::default() };
        let scopes = self.registry.all().into_iter().map(|metrics| {
            let metrics = series::of(metrics.families(), self.start_ns, now_ns);
            ScopeMetrics { scope: Some(scope()), metrics, schema_url: String::new() }
        });
        let scope_metrics: Vec<ScopeMetrics> = scopes.filter(|scope| !scope.metrics.is_empty()).collect();
        if scope_metrics.is_empty() {
            return;
        }
        let resource = Some(self.resource.clone());
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
        let outcome = self.client.export(ExportMetricsServiceRequest { resource_metrics }).await;
        // Sums are cumulative, so the next push includes what this one could not send. Only the first failure is
        // logged.
        match outcome {
            Ok(_) => self.failing = false,
            Err(status) if !self.failing => {
                self.failing = true;
                tracing::warn!(code = ?status.code(), cause = status.message(), "the collector does not accept metrics");
            }
            Err(_) => {}
        }
    }
}

fn now_ns() -> u64 {
    SystemClock.now(PLATFORM).timestamp_nanos_opt().and_then(|ns| u64::try_from(ns).ok()).unwrap_or_default()
}
