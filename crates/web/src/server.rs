//! One port per service: REST and gRPC, health, drain.

use std::sync::Arc;
use std::time::Duration;

use aide::axum::ApiRouter;
use aide::openapi::OpenApi;
use axum::Router;
use axum::routing::get;
use bloom_fault::{Code, Fault};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower_http::catch_panic::CatchPanicLayer;

use crate::middleware::{EdgeState, edge};
use bloom_db::Db;
use bloom_runtime::ServiceContext;
use bloom_runtime::peers::MemoryListener;
use bloom_runtime::{StartError, Task};

/// Time limit for requests in flight after shutdown starts.
pub const DRAIN: Duration = Duration::from_secs(20);

/// A service, ready to run.
pub struct Service {
    /// Its name, which is also its schema, its topic, and the name that peers use.
    pub name: &'static str,
    http: Router,
    /// The API description of the REST routes.
    api: OpenApi,
    /// Routes outside of the tenant context and the API description, such as provider webhooks.
    pub plain: Router<()>,
    /// gRPC services.
    pub grpc: tonic::service::Routes,
    /// Background loops.
    pub tasks: Vec<Task>,
    /// Its database.
    pub db: Db,
    /// Its context.
    pub host: ServiceContext,
}

/// What a service listens on.
pub struct Listeners {
    /// REST and gRPC over TCP.
    pub tcp: TcpListener,
    /// The same routes for peers in this process.
    pub memory: Option<MemoryListener>,
}

impl Service {
    /// A service with REST routes; add gRPC, tasks and the rest by field.
    ///
    /// The routes are completed here, because aide collects their schemas in thread-local state, and another thread may
    /// run the service.
    pub fn new(name: &'static str, host: ServiceContext, db: Db, http: ApiRouter<()>) -> Self {
        let mut api = OpenApi::default();
        let http = http.finish_api(&mut api);
        crate::openapi::take_inputs(&mut api);
        Self { name, http, api, plain: Router::new(), grpc: tonic::service::Routes::default(), tasks: Vec::new(), db, host }
    }

    /// The router with every layer, and the API description.
    pub fn router(&mut self) -> (Router, serde_json::Value) {
        let http = std::mem::take(&mut self.http);
        let grpc = std::mem::take(&mut self.grpc).prepare().into_axum_router().reset_fallback();
        let state = EdgeState::new(self.host.clone());
        let routes = http
            .merge(std::mem::take(&mut self.plain))
            .merge(grpc)
            .fallback(unknown_route)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(axum::middleware::from_fn_with_state(state, edge));
        let api = crate::openapi::finish(&self.api);
        (routes.merge(self.health()).merge(openapi_route(&api)), api)
    }

    fn health(&self) -> Router {
        let (db, host) = (self.db.clone(), self.host.clone());
        let metrics = self.host.metrics.clone();
        Router::new()
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(move || readiness(db.clone(), host.clone())))
            .route("/metrics", get(move || async move { metrics.render() }))
    }

    /// Serves until shutdown starts, then drains. If a task ends early, the service ends with an error.
    pub async fn run(mut self, listeners: Listeners) -> Result<(), StartError> {
        let (router, _) = self.router();
        let shutdown = self.host.shutdown.clone();
        let mut running = JoinSet::new();
        let stop = shutdown.clone();
        let tcp = axum::serve(listeners.tcp, router.clone()).with_graceful_shutdown(async move { stop.cancelled().await });
        running.spawn(async move { tcp.await.map_err(|error| StartError::caused("the listener broke", error)) });
        // Services in this process call the routes directly; the gateway connects in memory.
        let open = listeners.memory.as_ref().map(|_| self.host.peers.open(self.name, router.clone()));
        if let Some(memory) = listeners.memory {
            let stop = shutdown.clone();
            let serve = axum::serve(memory, router).with_graceful_shutdown(async move { stop.cancelled().await });
            running.spawn(async move { serve.await.map_err(|error| StartError::caused("the listener broke", error)) });
        }
        for task in self.tasks {
            let shutdown = shutdown.clone();
            running.spawn(async move {
                match task.run.await {
                    Ok(()) if shutdown.is_cancelled() => Ok(()),
                    Ok(()) => Err(StartError::new(format!("the task {} ended by itself", task.name))),
                    Err(error) => Err(error),
                }
            });
        }
        let outcome = supervise(&mut running, &shutdown).await;
        drop(open);
        self.db.close().await;
        outcome
    }
}

async fn supervise(
    running: &mut JoinSet<Result<(), StartError>>,
    shutdown: &tokio_util::sync::CancellationToken,
) -> Result<(), StartError> {
    let mut outcome = Ok(());
    tokio::select! {
        () = shutdown.cancelled() => {}
        Some(ended) = running.join_next() => {
            outcome = ended.unwrap_or_else(|error| Err(StartError::caused("a task panicked", error)));
            shutdown.cancel();
        }
    }
    let drained = tokio::time::timeout(DRAIN, async {
        while let Some(ended) = running.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(error = error.chain(), "ended badly while draining");
            }
        }
    });
    if drained.await.is_err() {
        tracing::warn!("some work did not finish within the drain deadline and was cut off");
        running.abort_all();
    }
    outcome
}

async fn unknown_route() -> Fault {
    Fault::new(Code::NotFound, "route_unknown", "There is no such route. `/openapi.json` lists those that exist.")
}

/// A service waits only for its database. If it waited for the state of others, two services that read each other's
/// events would wait for each other forever.
async fn readiness(db: Db, host: ServiceContext) -> (http::StatusCode, String) {
    let unavailable = http::StatusCode::SERVICE_UNAVAILABLE;
    if host.shutdown.is_cancelled() {
        return (unavailable, "draining\n".to_owned());
    }
    if !db.ready().await {
        return (unavailable, "waiting for the database\n".to_owned());
    }
    (http::StatusCode::OK, "ready\n".to_owned())
}

fn openapi_route(api: &serde_json::Value) -> Router {
    let text: Arc<str> = api.to_string().into();
    Router::new().route(
        "/openapi.json",
        get(move || async move { ([(http::header::CONTENT_TYPE, "application/json")], text.to_string()) }),
    )
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let cause = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a message".to_owned());
    Fault::internal(cause).into_response()
}
