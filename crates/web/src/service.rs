//! The parts of a service and the builder that assembles them: routes, gRPC, consumers, timers, exports, checks and
//! tasks.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use aide::axum::ApiRouter;
use axum::extract::Request;
use axum::response::IntoResponse;
use bloom_db::{Constraints, Db};
use bloom_events::{AppCheckFn, Bus, CheckFn, ConsumerFn, Events, ExportFn, TimerFn};
use bloom_kernel::Aggregate;
use bloom_runtime::{ServiceContext, StartError, Task};
use serde::de::DeserializeOwned;
use sqlx::migrate::Migrator;
use tonic::server::NamedService;
use tower::Service as TowerService;

use crate::{Routes, Service};

/// A service that can be started, alone or with all others in one process.
#[derive(Clone, Copy)]
pub struct Definition {
    /// Its name, which is also its schema, its topic, the prefix of its roles, and the name that peers use.
    pub name: &'static str,
    /// Its own migrations, applied after the platform's.
    pub migrations: &'static Migrator,
    /// Constraints that invalid input can violate.
    pub constraints: Constraints,
    /// Adds its own settings to a command: for `--help` and docs/configuration.md.
    pub settings: fn(clap::Command) -> clap::Command,
    /// Builds the service.
    pub start: fn(Start) -> Result<Service, StartError>,
}

impl Definition {
    /// A service without settings of its own.
    pub const fn new(
        name: &'static str,
        migrations: &'static Migrator,
        constraints: Constraints,
        start: fn(Start) -> Result<Service, StartError>,
    ) -> Self {
        Self { name, migrations, constraints, settings: no_settings, start }
    }

    /// Adds settings of its own, read by [`Start::config`].
    #[must_use]
    pub const fn settings(mut self, settings: fn(clap::Command) -> clap::Command) -> Self {
        self.settings = settings;
        self
    }
}

fn no_settings(command: clap::Command) -> clap::Command {
    command
}

/// What a service receives to build itself.
pub struct Start {
    /// Clock, entropy, keys, peers.
    pub context: ServiceContext,
    /// Its database.
    pub db: Db,
    /// The bus for its own events and those of others.
    pub bus: Bus,
    /// `http://host:port` of each service, and of `gateway` as browsers reach it.
    pub addresses: Arc<BTreeMap<String, String>>,
}

impl Start {
    /// Address of a service, or of `gateway`, over HTTP.
    pub fn address(&self, name: &str) -> Option<String> {
        self.addresses.get(name).cloned()
    }

    /// The service's own settings, from the environment.
    pub fn config<C: clap::Args>(&self) -> Result<C, StartError> {
        let command = C::augment_args(clap::Command::new(self.context.service).no_binary_name(true));
        let matches = command.try_get_matches_from(std::iter::empty::<String>());
        matches
            .and_then(|matches| C::from_arg_matches(&matches))
            .map_err(|error| StartError::new(format!("the configuration of {} is not usable: {error}", self.context.service)))
    }

    /// Starts building the service around `app`, which every handler receives.
    pub fn service<A: Clone + Send + Sync + 'static>(self, app: A) -> Wiring<A> {
        let events = Events::new(self.context.service, self.context.clone(), self.db.clone(), self.bus);
        Wiring {
            app,
            context: self.context,
            db: self.db,
            events,
            http: ApiRouter::new(),
            grpc: tonic::service::Routes::default(),
            plain: axum::Router::new(),
            tasks: Vec::new(),
        }
    }
}

/// Builder of a service.
pub struct Wiring<A> {
    app: A,
    context: ServiceContext,
    db: Db,
    events: Events,
    http: ApiRouter<A>,
    grpc: tonic::service::Routes,
    plain: axum::Router<()>,
    tasks: Vec<Task>,
}

impl<A: Clone + Send + Sync + 'static> Wiring<A> {
    /// Adds REST routes.
    #[must_use]
    pub fn routes(mut self, resources: impl IntoIterator<Item = Routes<A>>) -> Self {
        for routes in resources {
            self.http = self.http.merge(routes.into_router());
        }
        self
    }

    /// Adds routes outside of the tenant context and the API description, such as a provider's webhooks.
    #[must_use]
    pub fn plain(mut self, routes: axum::Router<()>) -> Self {
        self.plain = self.plain.merge(routes);
        self
    }

    /// Adds a gRPC server.
    #[must_use]
    pub fn grpc<S>(mut self, server: S) -> Self
    where
        S: TowerService<Request<tonic::body::Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        self.grpc = self.grpc.add_service(server);
        self
    }

    /// Adds a consumer of events: its permanent name (`catalog.listing`), the full kinds it handles (a trailing `*`
    /// matches any suffix), and the function that applies a batch of one tenant in the transaction that holds the inbox
    /// rows.
    #[must_use]
    pub fn consume<F>(mut self, consumer: &'static str, kinds: &'static [&'static str], apply: F) -> Self
    where
        F: for<'a> ConsumerFn<'a, A> + Copy + 'static,
    {
        self.events = self.events.consume(self.app.clone(), consumer, kinds, apply);
        self
    }

    /// Adds a kind of timer and its handler. The handler runs at least once and must be idempotent.
    #[must_use]
    pub fn timer<K, P, F>(mut self, kind: &'static str, fire: F) -> Self
    where
        K: std::str::FromStr<Err: Into<bloom_fault::Source>> + Send + 'static,
        P: DeserializeOwned + Send + 'static,
        F: for<'a> TimerFn<'a, A, K, P> + Copy + 'static,
    {
        self.events = self.events.timer(self.app.clone(), kind, fire);
        self
    }

    /// Adds a kind of aggregate whose current state is exported to consumers that start or replay.
    #[must_use]
    pub fn export<T, F>(mut self, page: F) -> Self
    where
        T: Aggregate + Send + 'static,
        F: for<'a> ExportFn<'a, T> + Copy + 'static,
    {
        self.events = self.events.export(page);
        self
    }

    /// Adds an invariant and the query that finds violations.
    #[must_use]
    pub fn check<F>(mut self, name: &'static str, find: F) -> Self
    where
        F: for<'a> CheckFn<'a> + Copy + 'static,
    {
        self.events = self.events.check(name, find);
        self
    }

    /// Adds an invariant that a query alone cannot check, and the function that finds violations.
    #[must_use]
    pub fn check_app<F>(mut self, name: &'static str, find: F) -> Self
    where
        F: for<'a> AppCheckFn<'a, A> + Copy + 'static,
    {
        self.events = self.events.check_app(self.app.clone(), name, find);
        self
    }

    /// Adds a background loop that runs until shutdown.
    #[must_use]
    pub fn task(mut self, name: &'static str, run: impl Future<Output = Result<(), StartError>> + Send + 'static) -> Self {
        self.tasks.push(Task::new(name, run));
        self
    }

    /// The finished service.
    pub fn build(self) -> Service {
        let Self { app, context, db, events, http, grpc, plain, mut tasks } = self;
        let mut service = Service::new(context.service, context, db, http.with_state(app));
        service.grpc = grpc.add_service(events.platform());
        service.plain = plain;
        service.tasks = events.tasks();
        service.tasks.append(&mut tasks);
        service
    }
}
