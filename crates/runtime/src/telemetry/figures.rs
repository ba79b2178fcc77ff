//! The figures of `/metrics`, pushed to a collector: read as a scrape reads them, so that nothing is counted twice and a
//! request pays for nothing.

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

use super::{LAST_WORDS, series};
use crate::metrics::Metrics;
use crate::request_context::PLATFORM;
use crate::task::StartError;

/// How often figures leave.
const EVERY: Duration = Duration::from_secs(15);

/// The figures of every service in a process, which has one connection to the collector. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Figures(Arc<Mutex<Vec<Metrics>>>);

impl Figures {
    /// New figures, which are pushed with the others from now on.
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
    /// Closed to say that it is time for the last one.
    stop: Option<mpsc::Sender<()>>,
    /// Closed by the thread when that one has left.
    done: mpsc::Receiver<()>,
}

impl Push {
    /// Begins with the first interval. What counts from now on is told as counted from now on.
    pub(super) fn start(endpoint: &str, resource: &Resource, figures: Figures) -> Result<Self, StartError> {
        let bad = |error| StartError::caused(format!("BLOOM_OTLP_ENDPOINT is not usable: `{endpoint}`"), error);
        let channel = Endpoint::from_shared(endpoint.to_owned()).map_err(bad)?.timeout(LAST_WORDS).connect_timeout(LAST_WORDS);
        let mut pusher = Pusher {
            client: MetricsServiceClient::new(channel.connect_lazy()),
            figures,
            resource: resource.into(),
            start_ns: now_ns(),
            failing: false,
        };
        let (stop, stopped) = mpsc::channel();
        let (working, done) = mpsc::channel();
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own, as the exporters of spans and records have: the last push is awaited where nothing can be.
        let thread = std::thread::Builder::new().name("figures".to_owned()).spawn(move || {
            let _working: mpsc::Sender<()> = working;
            loop {
                let last = stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                runtime.block_on(pusher.push());
                if last {
                    return;
                }
            }
        });
        thread.map_err(|error| StartError::caused("no thread can be started for the figures", error))?;
        Ok(Self { stop: Some(stop), done })
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A push gives up by itself, but one may have begun just before.
        let _ = self.done.recv_timeout(LAST_WORDS * 2);
    }
}

struct Pusher {
    client: MetricsServiceClient<Channel>,
    figures: Figures,
    resource: opentelemetry_proto::tonic::resource::v1::Resource,
    start_ns: u64,
    failing: bool,
}

impl Pusher {
    async fn push(&mut self) {
        let now_ns = now_ns();
        let scope = || InstrumentationScope { name: "bloom".to_owned(), ..InstrumentationScope::default() };
        let told = self.figures.all().into_iter().map(|metrics| {
            let metrics = series::of(metrics.families(), self.start_ns, now_ns);
            ScopeMetrics { scope: Some(scope()), metrics, schema_url: String::new() }
        });
        let scope_metrics: Vec<ScopeMetrics> = told.filter(|scope| !scope.metrics.is_empty()).collect();
        if scope_metrics.is_empty() {
            return;
        }
        let resource = Some(self.resource.clone());
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
        let outcome = self.client.export(ExportMetricsServiceRequest { resource_metrics }).await;
        // Sums go on where they are: the next push tells what this one could not, and one line says so.
        match outcome {
            Ok(_) => self.failing = false,
            Err(status) if !self.failing => {
                self.failing = true;
                tracing::warn!(code = ?status.code(), cause = status.message(), "the collector takes no figures");
            }
            Err(_) => {}
        }
    }
}

fn now_ns() -> u64 {
    SystemClock.now(PLATFORM).timestamp_nanos_opt().and_then(|ns| u64::try_from(ns).ok()).unwrap_or_default()
}
