//! The relay publishes pending events. It is the only owner of a shard while its lease lasts, publishes in order of
//! insertion and stamps each event with its next position. A crash between publishing and stamping publishes events
//! again but never loses one.

use std::sync::Arc;
use std::time::Duration;

use bloom_db::Db;
use bloom_db::SystemConn;
use bloom_fault::Fault;
use bloom_runtime::{ServiceContext, StartError};
use tokio::time::Instant;

use crate::apply::{stoppable, stopping, wait};
use crate::bus::Bus;
use crate::bus::in_process::Log;
use crate::shard::{Positions, SHARDS, index};
use crate::store::lease::{Grant, lease_claim, lease_positions, lease_release, owner_share};
use crate::store::outbox::{Advance, Logged, outbox_pending, outbox_stamp, place};

/// Maximum number of events per round.
const BATCH: i64 = 512;
/// Minimum time between the starts of two rounds, so that events committed meanwhile share the cost of one. The first
/// event after an idle period is published at once.
const PACE: Duration = Duration::from_millis(20);
/// Maximum sleep without a wake-up: this poll finds events that other processes committed.
const IDLE: Duration = Duration::from_millis(250);
/// First sleep after a poll that found events; it doubles while nothing is found.
const SHORTEST: Duration = Duration::from_millis(10);
/// How long a shard remains assigned to a process that no longer renews its lease.
const LEASE: Duration = Duration::from_secs(10);

/// Publishes the events of one service.
pub(crate) struct Relay {
    service: &'static str,
    host: ServiceContext,
    db: Db,
    bus: Bus,
    /// The service's log on an in-process bus.
    log: Option<Arc<Log>>,
    owner: String,
    pub(crate) lease: Duration,
    pub(crate) grants: Vec<Grant>,
    /// This process's even share of the shards.
    share: usize,
    renewed: Option<Instant>,
    /// Database connection kept between rounds; a failed round drops it.
    connection: Option<SystemConn>,
}

impl Relay {
    pub(crate) fn new(service: &'static str, host: ServiceContext, db: Db, bus: Bus) -> Self {
        let log = match &bus {
            Bus::InProcess(logs) => {
                let log = logs.log(service);
                log.open(&db);
                Some(log)
            }
            Bus::Kafka(_) => None,
        };
        let owner = host.token();
        Self {
            service,
            host,
            db,
            bus,
            log,
            owner,
            lease: LEASE,
            grants: Vec::new(),
            share: SHARDS,
            renewed: None,
            connection: None,
        }
    }

    /// Runs until shutdown.
    pub(crate) async fn run(mut self) -> Result<(), StartError> {
        let shutdown = self.host.shutdown.clone();
        let mut pause = SHORTEST;
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            let began = Instant::now();
            match self.round().await {
                Ok(count) if count == usize::try_from(BATCH).unwrap_or_default() => continue,
                Ok(0) => pause = (pause * 2).min(IDLE),
                Ok(_) => pause = SHORTEST,
                Err(fault) => {
                    failures += 1;
                    tracing::warn!(service = self.service, cause = fault.chain(), failures, "the relay could not publish");
                    self.renewed = None;
                    tokio::select! { () = tokio::time::sleep(wait(failures)) => {}, () = shutdown.cancelled() => {} }
                    continue;
                }
            }
            failures = 0;
            let wake = self.db.wake().clone();
            tokio::select! {
                () = tokio::time::sleep_until(began + PACE.max(pause)) => {}
                // A process without shards does not react to commits.
                () = wake.outbox.notified(), if !self.grants.is_empty() => tokio::time::sleep_until(began + PACE).await,
                () = shutdown.cancelled() => {}
            }
        }
        self.release().await;
        Ok(())
    }

    /// Polls the outbox once; returns how many events were published.
    pub(crate) async fn round(&mut self) -> Result<usize, Fault> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.db.system_conn().await?,
        };
        let count = self.publish_pending(&mut connection).await?;
        self.connection = Some(connection);
        Ok(count)
    }

    async fn publish_pending(&mut self, connection: &mut SystemConn) -> Result<usize, Fault> {
        self.renew(connection).await?;
        let shards: Vec<i16> = self.grants.iter().map(|grant| grant.shard).collect();
        if shards.len() < SHARDS
            && let Some(log) = &self.log
        {
            log.advance(lease_positions(connection).await?);
        }
        if shards.is_empty() {
            return Ok(0);
        }
        let mut events = outbox_pending(connection, self.service, &shards, BATCH).await?;
        if events.is_empty() {
            return Ok(0);
        }
        if let Bus::Kafka(kafka) = &self.bus {
            stoppable(&self.host, kafka.send(self.service, &events)).await.ok_or_else(stopping)??;
        }
        let advances = number(&mut events, &self.grants);
        let stamped = outbox_stamp(connection, &advances, &events).await?;
        self.host.metrics.count(self.service, "events_published", stamped as u64);
        if stamped != events.len() {
            // Another process has taken over a shard, and only our other shards were stamped: renew the leases before
            // the next round.
            self.renewed = None;
            return Ok(stamped);
        }
        for advance in &advances {
            if let Some(grant) = self.grants.iter_mut().find(|grant| grant.shard == advance.shard) {
                grant.position = advance.to;
            }
        }
        self.notify_consumers(events);
        Ok(stamped)
    }

    /// Acquires and renews leases every third of their duration, and releases shards above the even share. Between
    /// rounds no event of a shard is in flight, so this is safe. A process below its share polls more often, as nobody
    /// relays a released shard.
    async fn renew(&mut self, connection: &mut SystemConn) -> Result<(), Fault> {
        let every = if self.grants.len() < self.share { self.lease / 30 } else { self.lease / 3 };
        if self.renewed.is_some_and(|renewed| renewed.elapsed() < every) {
            return Ok(());
        }
        let now = Instant::now();
        let seconds = self.lease.as_secs_f64();
        self.share = owner_share(connection, &self.owner, seconds).await?;
        self.grants = lease_claim(connection, &self.owner, seconds, self.share).await?;
        self.renewed = Some(now);
        if self.grants.len() == SHARDS {
            self.notify_consumers(Vec::new());
        }
        Ok(())
    }

    /// Hands stamped events to the consumers of this process.
    fn notify_consumers(&self, events: Vec<Logged>) {
        let Some(log) = &self.log else { return };
        log.keep(events);
        if self.grants.len() == SHARDS {
            let mut positions: Positions = [0; SHARDS];
            for grant in &self.grants {
                positions[index(grant.shard)] = grant.position;
            }
            log.advance(positions);
        }
    }

    /// Releases the shards, so that another process can continue at once.
    pub(crate) async fn release(&self) {
        let given = async {
            let mut tx = self.db.system().await?;
            lease_release(&mut tx, &self.owner).await?;
            tx.commit().await
        };
        if let Err(fault) = given.await {
            tracing::warn!(service = self.service, cause = fault.chain(), "leases could not be released; they will expire");
        }
    }
}

/// Assigns each event the next position of its shard.
fn number(events: &mut [Logged], grants: &[Grant]) -> Vec<Advance> {
    let mut positions: Positions = [0; SHARDS];
    for grant in grants {
        positions[index(grant.shard)] = grant.position;
    }
    for event in events.iter_mut() {
        let position = &mut positions[place(event)];
        *position += 1;
        event.position = *position;
    }
    let moved = grants.iter().filter(|grant| positions[index(grant.shard)] > grant.position);
    moved
        .map(|grant| Advance { shard: grant.shard, epoch: grant.epoch, from: grant.position, to: positions[index(grant.shard)] })
        .collect()
}
