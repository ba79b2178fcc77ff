//! The life of a consumer: read the current generation, load the sources' state if that has not been done, then follow
//! the events.

use std::sync::Arc;
use std::time::Duration;

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_runtime::{ServiceContext, StartError};
use futures::FutureExt as _;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::apply::{Applier, stoppable, stopping, wait};
use crate::bus::Bus;
use crate::bus::in_process::{Head, InProcess, Log, Place, Progress};
use crate::bus::kafka::Group;
use crate::envelope::Envelope;
use crate::handler::Handler;
use crate::load;
use crate::shard::{Positions, SHARDS};
use crate::store::consumer::{
    consumer_generation, consumer_loaded, consumer_loader, consumer_loading, cursor_read, cursor_write,
};
use crate::store::inbox::{ConsumerGeneration, Cursor};
use crate::store::lease::lease_positions;

/// Maximum number of events read from a source at once. They are applied in transactions of at most one batch each.
pub(crate) const FETCH_MAX: usize = 1_024;
/// How long a consumer waits for a source before it logs a warning.
const SOURCE_WAIT_BEFORE_WARNING: Duration = Duration::from_secs(30);
/// Interval between checks whether another process has requested a replay.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// One consumer of one service in this process.
pub(crate) struct Consumer {
    pub(crate) service: &'static str,
    pub(crate) host: ServiceContext,
    pub(crate) db: Db,
    pub(crate) bus: Bus,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) sources: Sources,
    /// Notified when a replay is requested in this process.
    pub(crate) replay: Arc<Notify>,
}

/// Where a consumer reads, and the progress that it shares with others.
#[derive(Clone)]
pub(crate) enum Sources {
    InProcess(Vec<(Arc<Log>, Arc<Progress>)>),
    Kafka(Arc<Group>),
}

impl Sources {
    pub(crate) fn of(bus: &Bus, handler: &dyn Handler) -> Self {
        match bus {
            Bus::InProcess(logs) => {
                Self::InProcess(handler.topics().iter().map(|topic| (logs.log(topic), logs.reading(topic))).collect())
            }
            Bus::Kafka(_) => Self::Kafka(Arc::new(Group::new(handler.topics()))),
        }
    }
}

impl Consumer {
    /// Runs until shutdown.
    pub(crate) async fn run(self) -> Result<(), StartError> {
        let mut failures = 0;
        while !self.host.shutdown.is_cancelled() {
            let began = Instant::now();
            let Err(fault) = self.generation().await else { continue };
            if self.host.shutdown.is_cancelled() {
                break;
            }
            failures = if began.elapsed() > POLL_INTERVAL { 1 } else { failures + 1 };
            tracing::warn!(
                consumer = self.handler.consumer(),
                cause = fault.chain(),
                failures,
                "the consumer restarts after a fault"
            );
            let _ = stoppable(&self.host, tokio::time::sleep(wait(failures))).await;
        }
        Ok(())
    }

    /// Runs one generation, until another begins or the process stops.
    async fn generation(&self) -> Result<(), Fault> {
        let applier = self.loaded().await?;
        match (&self.bus, &self.sources) {
            (Bus::InProcess(_), Sources::InProcess(logs)) => self.follow(&applier, logs).await,
            (Bus::Kafka(kafka), Sources::Kafka(group)) => group.follow(kafka, self, &applier).await,
            _ => unreachable!("sources belong to the same bus"),
        }
    }

    fn applier(&self, generation: i32) -> Applier {
        Applier {
            service: self.service,
            host: self.host.clone(),
            db: self.db.clone(),
            handler: self.handler.clone(),
            reader: ConsumerGeneration { consumer: self.handler.consumer(), generation },
        }
    }

    /// Returns an applier of the current generation, after the sources' state has been loaded.
    async fn loaded(&self) -> Result<Applier, Fault> {
        loop {
            let mut tx = self.db.system().await?;
            let generation = consumer_generation(&mut tx, self.handler.consumer()).await?;
            let applier = self.applier(generation.number);
            let mine = !generation.loaded && consumer_loader(&mut tx, applier.reader).await?;
            tx.commit().await?;
            if generation.loaded {
                return Ok(applier);
            }
            if !mine {
                applier.pause(Duration::from_secs(1)).await?;
                continue;
            }
            let outcome = self.load(&applier).await;
            let mut tx = self.db.system().await?;
            match &outcome {
                Ok(()) => consumer_loaded(&mut tx, applier.reader, self.host.platform_now()).await?,
                Err(_) => consumer_loading(&mut tx, applier.reader, 0.0).await?,
            }
            tx.commit().await?;
            outcome?;
        }
    }

    /// Records the current heads of the sources, then loads state that is at least as recent.
    async fn load(&self, applier: &Applier) -> Result<(), Fault> {
        let published = match (&self.bus, &self.sources) {
            (Bus::InProcess(_), Sources::InProcess(logs)) => self.start_at_heads(applier.reader, logs).await?,
            (Bus::Kafka(kafka), Sources::Kafka(group)) => group.start_at_heads(kafka, applier.reader).await?,
            _ => unreachable!("sources belong to the same bus"),
        };
        if published {
            load::run(applier).await?;
        }
        Ok(())
    }

    /// Sets the cursors to the current heads; returns false when nothing was ever published.
    async fn start_at_heads(&self, reader: ConsumerGeneration, logs: &[(Arc<Log>, Arc<Progress>)]) -> Result<bool, Fault> {
        let mut published = false;
        for (log, progress) in logs {
            progress.set(None);
            let source = self.opened(log).await?;
            let mut tx = source.system().await?;
            let heads = lease_positions(&mut tx).await?;
            tx.commit().await?;
            published |= heads.iter().any(|position| *position > 0);
            let mut tx = self.db.system().await?;
            cursor_write(&mut tx, reader, &cursors(progress.service, &[0; SHARDS], &heads)).await?;
            tx.commit().await?;
        }
        Ok(published)
    }

    /// The database of a source, once its service has started.
    async fn opened(&self, log: &Log) -> Result<Db, Fault> {
        let mut head = log.head.subscribe();
        loop {
            let known = tokio::time::timeout(SOURCE_WAIT_BEFORE_WARNING, head.wait_for(|head: &Head| head.db.is_some()));
            if let Ok(opened) = stoppable(&self.host, known).await.ok_or_else(stopping)? {
                return opened.ok().and_then(|head| head.db.clone()).ok_or_else(stopping);
            }
            tracing::warn!(
                consumer = self.handler.consumer(),
                service = log.service,
                "waits for a service that does not run in this process; separate processes need Kafka"
            );
        }
    }

    /// Whether a newer generation has begun.
    pub(crate) async fn superseded(&self, reader: ConsumerGeneration) -> Result<bool, Fault> {
        let mut tx = self.db.system().await?;
        let present = consumer_generation(&mut tx, reader.consumer).await?;
        tx.commit().await?;
        Ok(present.number != reader.generation || !present.loaded)
    }

    async fn follow(&self, applier: &Applier, logs: &[(Arc<Log>, Arc<Progress>)]) -> Result<(), Fault> {
        let mut sources = Vec::with_capacity(logs.len());
        for (log, progress) in logs {
            self.opened(log).await?;
            let mut tx = self.db.system().await?;
            let positions = cursor_read(&mut tx, applier.reader, progress.service).await?;
            tx.commit().await?;
            progress.set(Some(positions));
            let place = Place { positions, number: log.end() };
            sources.push(Source { log, progress, head: log.head.subscribe(), place, saved: positions });
        }
        let mut polled = Instant::now();
        loop {
            let mut idle = true;
            for source in &mut sources {
                idle &= !source.step(applier).await?;
            }
            if polled.elapsed() > POLL_INTERVAL {
                polled = Instant::now();
                if self.superseded(applier.reader).await? {
                    return Ok(());
                }
            }
            if idle && !self.rest(applier, &mut sources).await? {
                return Ok(());
            }
        }
    }

    /// Sleeps until there is work; returns false when this generation has ended.
    async fn rest(&self, applier: &Applier, sources: &mut [Source<'_>]) -> Result<bool, Fault> {
        enum Why {
            News,
            Quiet,
            Replay,
            Stop,
        }
        let news = futures::future::select_all(sources.iter_mut().map(|source| source.head.changed().boxed()));
        let why = tokio::select! {
            _ = news => Why::News,
            () = tokio::time::sleep(POLL_INTERVAL) => Why::Quiet,
            () = self.replay.notified() => Why::Replay,
            () = self.host.shutdown.cancelled() => Why::Stop,
        };
        match why {
            Why::News => return Ok(true),
            Why::Replay => return Ok(!self.superseded(applier.reader).await?),
            Why::Quiet | Why::Stop => save(applier, sources).await?,
        }
        Ok(matches!(why, Why::Quiet))
    }
}

/// A log that is being followed.
struct Source<'a> {
    log: &'a Log,
    progress: &'a Progress,
    head: watch::Receiver<Head>,
    place: Place,
    /// The position stored in the database.
    saved: Positions,
}

impl Source<'_> {
    /// Applies the next events; returns false when there are none.
    async fn step(&mut self, applier: &Applier) -> Result<bool, Fault> {
        let Some((events, place)) = self.log.next(&self.place, FETCH_MAX).await? else { return Ok(false) };
        let wanted: Vec<Envelope> = events
            .into_iter()
            .filter(|event| applier.handler.wants(&event.envelope.kind))
            .map(|event| Arc::try_unwrap(event).map_or_else(|shared| shared.envelope.clone(), |event| event.envelope))
            .collect();
        if !wanted.is_empty() {
            applier.apply(wanted, &cursors(self.progress.service, &self.saved, &place.positions)).await?;
            self.saved = place.positions;
        }
        self.progress.set(Some(place.positions));
        self.place = place;
        Ok(true)
    }
}

/// Stores cursors that moved only past events the handler does not want.
async fn save(applier: &Applier, sources: &mut [Source<'_>]) -> Result<(), Fault> {
    for source in sources {
        if source.saved != source.place.positions {
            let moved = cursors(source.progress.service, &source.saved, &source.place.positions);
            let mut tx = applier.db.system().await?;
            cursor_write(&mut tx, applier.reader, &moved).await?;
            tx.commit().await?;
            source.saved = source.place.positions;
        }
    }
    Ok(())
}

/// The cursors that differ between two positions.
fn cursors(service: &'static str, from: &Positions, to: &Positions) -> Vec<Cursor> {
    let moved = (0_i16..).zip(from.iter().zip(to)).filter(|(_, (from, to))| from != to);
    moved.map(|(shard, (_, to))| Cursor { service, shard, position: *to }).collect()
}

impl Sources {
    /// Number of published events not yet applied; 1 before the consumer has started.
    pub(crate) async fn lag(&self) -> Result<i64, Fault> {
        match self {
            Self::InProcess(logs) => lag(logs).await,
            Self::Kafka(group) => group.lag().await,
        }
    }
}

/// Number of published events not yet applied by a consumer of an in-process bus; 1 before it has started.
async fn lag(logs: &[(Arc<Log>, Arc<Progress>)]) -> Result<i64, Fault> {
    let mut lag = 0;
    for (log, progress) in logs {
        let db = log.head.borrow().db.clone();
        let (Some(db), Some(seen)) = (db, progress.get()) else {
            lag += 1;
            continue;
        };
        let mut tx = db.system().await?;
        let heads = lease_positions(&mut tx).await?;
        tx.commit().await?;
        lag += heads.iter().zip(seen).map(|(head, seen)| (head - seen).max(0)).sum::<i64>();
    }
    Ok(lag)
}

/// The positions that all consumers of this process have passed, for upkeep.
pub(crate) fn floors(bus: &Bus, service: &str) -> Option<Positions> {
    match bus {
        Bus::InProcess(logs) => Some(InProcess::floors(logs, service)),
        Bus::Kafka(_) => None,
    }
}
