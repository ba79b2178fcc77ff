//! Publishes a service's events at least once and applies each exactly once.
//!
//! The crate exists because fifteen services that each implemented this would lose events in fifteen ways.
//!
//! | module | what it is |
//! |---|---|
//! | [`envelope`] | an event as it is sent |
//! | [`Publish`] | writes events into the outbox, in the transaction of the change |
//! | `relay` | moves events from the outbox to the bus: shards, leases with an epoch, positions |
//! | [`bus`] | in process (the outbox is the log) or Kafka |
//! | `functions`, `handler`, `consume`, `apply` | apply events from the bus: inbox, cursor and effect in one transaction |
//! | `park` | queues events that cannot be applied, per aggregate; the others continue |
//! | `unreadable` | stores messages that are not valid events for an operator |
//! | `load` | loads the sources' state for a new generation of a consumer, which then follows the events |
//! | `timer` | work scheduled for a later time |
//! | [`platform`], `export`, `check` | RPCs that every service offers about itself |
//! | `upkeep` | partitions, expiry, metrics |
//!
//! Deliberately absent: NOTIFY, a global order, Kafka transactions, events that are not rows first.

pub mod bus;
mod check;
pub mod envelope;
mod export;
mod functions;
mod handler;
pub mod platform;
mod publish;
mod shard;
mod timer;

mod apply;
mod consume;
mod load;
mod park;
mod relay;
mod store;
mod unreadable;
mod upkeep;

#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use bloom_db::Db;
use bloom_kernel::Aggregate;
use bloom_runtime::{ServiceContext, Task};
use tokio::sync::Notify;

pub use crate::bus::Bus;
pub(crate) use crate::check::Check;
pub use crate::check::brief;
#[cfg(test)]
pub(crate) use crate::envelope::Draft;
pub use crate::envelope::Envelope;
pub(crate) use crate::export::Export;
pub use crate::functions::{AppCheckFn, CheckFn, ConsumerFn, ExportFn, ExportPage, TimerFn};
pub(crate) use crate::handler::Handler;
pub use crate::publish::Publish;
#[cfg(test)]
pub(crate) use crate::publish::publish;
pub(crate) use crate::timer::TimerHandler;

use crate::apply::Applier;
use crate::check::OutboxGapFree;
use crate::consume::{Consumer, Sources};
use crate::functions::{AppCheckFunction, CheckFunction, ConsumerFunction, ExportFunction, TimerFunction, topics_of};
use crate::platform::{ConsumerState, Server, Service};
use crate::relay::Relay;
use crate::store::inbox::ConsumerGeneration;
use crate::timer::Timers;
use crate::upkeep::Upkeep;

/// The events of one service: consumers, timers, exports and checks. It provides the background tasks and the platform
/// RPCs.
pub struct Events {
    service: &'static str,
    host: ServiceContext,
    db: Db,
    bus: Bus,
    consumers: Vec<(Arc<dyn Handler>, Sources, Arc<Notify>)>,
    timers: Vec<Arc<dyn TimerHandler>>,
    exports: Vec<Arc<dyn Export>>,
    checks: Vec<Arc<dyn Check>>,
}

impl Events {
    /// Events of a service that only publishes so far.
    pub fn new(service: &'static str, host: ServiceContext, db: Db, bus: Bus) -> Self {
        let checks: Vec<Arc<dyn Check>> = vec![Arc::new(OutboxGapFree)];
        Self { service, host, db, bus, consumers: Vec::new(), timers: Vec::new(), exports: Vec::new(), checks }
    }

    /// Adds consumers.
    #[must_use]
    pub fn handlers(mut self, handlers: impl IntoIterator<Item = Arc<dyn Handler>>) -> Self {
        for handler in handlers {
            let sources = Sources::of(&self.bus, &*handler);
            self.consumers.push((handler, sources, Arc::default()));
        }
        self
    }

    /// Adds kinds of timers.
    #[must_use]
    pub fn timers(mut self, timers: impl IntoIterator<Item = Arc<dyn TimerHandler>>) -> Self {
        self.timers.extend(timers);
        self
    }

    /// Adds kinds of aggregates whose state is exported.
    #[must_use]
    pub fn exports(mut self, exports: impl IntoIterator<Item = Arc<dyn Export>>) -> Self {
        self.exports.extend(exports);
        self
    }

    /// Adds invariants.
    #[must_use]
    pub fn checks(mut self, checks: impl IntoIterator<Item = Arc<dyn Check>>) -> Self {
        self.checks.extend(checks);
        self
    }

    /// Adds a consumer: its name, the full kinds it handles, and its function.
    #[must_use]
    pub fn consume<A, F>(self, app: A, consumer: &'static str, kinds: &'static [&'static str], apply: F) -> Self
    where
        A: Send + Sync + 'static,
        F: for<'a> ConsumerFn<'a, A> + 'static,
    {
        let topics = topics_of(kinds);
        self.handlers([Arc::new(ConsumerFunction { app, consumer, kinds, topics, apply }) as Arc<dyn Handler>])
    }

    /// Adds a kind of timer.
    #[must_use]
    pub fn timer<A, K, P, F>(self, app: A, kind: &'static str, fire: F) -> Self
    where
        A: Send + Sync + 'static,
        K: std::str::FromStr<Err: Into<bloom_fault::Source>> + Send + 'static,
        P: serde::de::DeserializeOwned + Send + 'static,
        F: for<'a> TimerFn<'a, A, K, P> + 'static,
    {
        self.timers([Arc::new(TimerFunction { app, kind, fire, reads: PhantomData }) as Arc<dyn TimerHandler>])
    }

    /// Adds a kind of aggregate whose state is exported, under the kind `<noun>.updated`.
    #[must_use]
    pub fn export<T, F>(self, page: F) -> Self
    where
        T: Aggregate + Send + 'static,
        F: for<'a> ExportFn<'a, T> + 'static,
    {
        let context = self.host.clone();
        let kind: &'static str = format!("{}.updated", T::NOUN).leak();
        self.exports([Arc::new(ExportFunction { context, kind, page, reads: PhantomData }) as Arc<dyn Export>])
    }

    /// Adds an invariant.
    #[must_use]
    pub fn check<F>(self, name: &'static str, find: F) -> Self
    where
        F: for<'a> CheckFn<'a> + 'static,
    {
        self.checks([Arc::new(CheckFunction { name, find }) as Arc<dyn Check>])
    }

    /// Adds an invariant that a query alone cannot check.
    #[must_use]
    pub fn check_app<A, F>(self, app: A, name: &'static str, find: F) -> Self
    where
        A: Send + Sync + 'static,
        F: for<'a> AppCheckFn<'a, A> + 'static,
    {
        self.checks([Arc::new(AppCheckFunction { app, name, find }) as Arc<dyn Check>])
    }

    /// The platform RPCs of this service.
    pub fn platform(&self) -> Service {
        Service::new(self.server())
    }

    fn server(&self) -> Server {
        let readings = self.consumers.iter().map(|(handler, sources, replay)| ConsumerState {
            applier: self.applier(handler),
            sources: sources.clone(),
            replay: replay.clone(),
        });
        Server {
            service: self.service,
            host: self.host.clone(),
            db: self.db.clone(),
            readings: readings.collect(),
            exports: self.exports.clone(),
            checks: self.checks.clone(),
        }
    }

    /// The background loops of this service: relay, one per consumer, timers, upkeep.
    pub fn tasks(&self) -> Vec<Task> {
        let relay = Relay::new(self.service, self.host.clone(), self.db.clone(), self.bus.clone());
        let upkeep = Upkeep {
            service: self.service,
            host: self.host.clone(),
            db: self.db.clone(),
            bus: self.bus.clone(),
            consumers: self.consumers.iter().map(|(handler, sources, _)| (self.applier(handler), sources.clone())).collect(),
        };
        let mut tasks = vec![Task::new("relay", relay.run()), Task::new("upkeep", upkeep.run())];
        for (handler, sources, replay) in &self.consumers {
            let consumer = Consumer {
                service: self.service,
                host: self.host.clone(),
                db: self.db.clone(),
                bus: self.bus.clone(),
                handler: handler.clone(),
                sources: sources.clone(),
                replay: replay.clone(),
            };
            tasks.push(Task::new(handler.consumer(), consumer.run()));
        }
        if !self.timers.is_empty() {
            let timers = Timers::new(self.service, self.host.clone(), self.db.clone(), self.timers.clone());
            tasks.push(Task::new("timers", timers.run()));
        }
        tasks
    }

    /// An applier for work that needs no generation: redriving parked events and loading.
    fn applier(&self, handler: &Arc<dyn Handler>) -> Applier {
        Applier {
            service: self.service,
            host: self.host.clone(),
            db: self.db.clone(),
            handler: handler.clone(),
            reader: ConsumerGeneration { consumer: handler.consumer(), generation: 0 },
        }
    }
}
