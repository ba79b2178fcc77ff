//! An OTLP collector inside the test: it accepts all signals and stores them for assertions.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{MetricsService, MetricsServiceServer};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status};

/// The signals received so far, in order.
#[derive(Clone, Default)]
pub(crate) struct Collector(Arc<Mutex<Arrived>>);

#[derive(Clone, Default)]
pub(crate) struct Arrived {
    pub(crate) spans: Vec<Span>,
    /// The metrics of each push, with the attributes of the process that sent it.
    pub(crate) pushes: Vec<(String, Vec<Metric>)>,
    /// Log records, each with its target.
    pub(crate) records: Vec<(String, LogRecord)>,
}

impl Collector {
    /// Listens until the handle is dropped. Returns the endpoint and the handle.
    pub(crate) async fn listen(&self) -> (String, AbortOnDropHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it has an address"));
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(self.clone()))
            .add_service(MetricsServiceServer::new(self.clone()).max_decoding_message_size(64 << 20))
            .add_service(LogsServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        #[expect(clippy::disallowed_methods, reason = "the handle ends it with the test")]
        let serving = tokio::spawn(async move { server.await.expect("the collector serves") });
        (endpoint, AbortOnDropHandle::new(serving))
    }

    /// A copy of everything received so far.
    pub(crate) fn arrived(&self) -> Arrived {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Arrived)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.note(|arrived| {
            for group in request.into_inner().resource_spans {
                arrived.spans.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        });
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.note(|arrived| {
            for group in request.into_inner().resource_metrics {
                let process = group.resource.map(|resource| resource.attributes).unwrap_or_default();
                let metrics = group.scope_metrics.into_iter().flat_map(|scope| scope.metrics).collect();
                arrived.pushes.push((attribute(&process, "service.instance.id").to_owned(), metrics));
            }
        });
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(&self, request: Request<ExportLogsServiceRequest>) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.note(|arrived| {
            for group in request.into_inner().resource_logs {
                for scope in group.scope_logs {
                    let target = scope.scope.map(|scope| scope.name).unwrap_or_default();
                    arrived.records.extend(scope.log_records.into_iter().map(|record| (target.clone(), record)));
                }
            }
        });
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

/// The text of an attribute; empty when there is no such attribute or its value is not text.
pub(crate) fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == name).and_then(|attribute| attribute.value.as_ref());
    match found {
        Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => text,
        _ => "",
    }
}
