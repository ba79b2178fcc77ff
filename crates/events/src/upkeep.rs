//! Keeps the event tables small: creates and drops partitions, deletes expired replies, redrives parked events whose
//! fault was transient, and reports metrics.

use std::time::Duration;

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_runtime::{ServiceContext, StartError};
use tokio::time::Instant;

use crate::apply::{Applier, stoppable};
use crate::bus::Bus;
use crate::consume::{Sources, floors};
use crate::park::{Which, unpark};
use crate::store::consumer::consumer_generation;
use crate::store::outbox::{idempotency_expire, partitions_keep, standing};
use crate::store::unreadable::unreadable_count;

const OUTBOX_DAYS: i32 = 3;
const INBOX_DAYS: i32 = 14;
const ROUND: Duration = Duration::from_mins(1);
const PARTITIONS_EVERY: Duration = Duration::from_hours(1);
/// Maximum number of expired replies deleted by one statement.
const EXPIRED: i64 = 1_000;

/// Upkeep of one service's event tables.
pub(crate) struct Upkeep {
    pub(crate) service: &'static str,
    pub(crate) host: ServiceContext,
    pub(crate) db: Db,
    pub(crate) bus: Bus,
    /// One per consumer; the generation is read each time.
    pub(crate) consumers: Vec<(Applier, Sources)>,
}

impl Upkeep {
    /// Runs until shutdown.
    pub(crate) async fn run(self) -> Result<(), StartError> {
        let mut partitions: Option<Instant> = None;
        loop {
            if partitions.is_none_or(|done| done.elapsed() > PARTITIONS_EVERY) {
                partitions = self.logged("partitions", self.partitions().await).map(|()| Instant::now());
            }
            self.logged("expiry", self.expire().await);
            self.logged("parked events", self.parked().await);
            self.logged("levels", self.levels().await);
            if stoppable(&self.host, tokio::time::sleep(ROUND)).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Logs a fault and returns `None`; the next round retries.
    fn logged<T>(&self, what: &str, outcome: Result<T, Fault>) -> Option<T> {
        outcome.inspect_err(|fault| tracing::warn!(service = self.service, what, cause = fault.chain(), "upkeep failed")).ok()
    }

    pub(crate) async fn partitions(&self) -> Result<(), Fault> {
        let floors = floors(&self.bus, self.service);
        let mut tx = self.db.system().await?;
        let dropped = partitions_keep(&mut tx, self.host.platform_now(), OUTBOX_DAYS, INBOX_DAYS, floors.as_ref()).await?;
        tx.commit().await?;
        if !dropped.is_empty() {
            tracing::info!(service = self.service, ?dropped, "partitions past their retention were dropped");
        }
        Ok(())
    }

    async fn expire(&self) -> Result<(), Fault> {
        loop {
            let mut tx = self.db.system().await?;
            let removed = idempotency_expire(&mut tx, self.host.platform_now(), EXPIRED).await?;
            tx.commit().await?;
            if removed < EXPIRED.unsigned_abs() {
                return Ok(());
            }
        }
    }

    async fn parked(&self) -> Result<(), Fault> {
        for (applier, _) in &self.consumers {
            let mut tx = self.db.system().await?;
            let generation = consumer_generation(&mut tx, applier.reader.consumer).await?;
            tx.commit().await?;
            if generation.loaded {
                unpark(applier, &Which { transient: true, ..Which::default() }).await?;
            }
        }
        Ok(())
    }

    async fn levels(&self) -> Result<(), Fault> {
        let mut tx = self.db.system().await?;
        let standing = standing(&mut tx, self.host.platform_now()).await?;
        let unreadable = unreadable_count(&mut tx, None).await?;
        tx.commit().await?;
        for (applier, sources) in &self.consumers {
            let lag = sources.lag().await?;
            self.host.metrics.level(self.service, &format!("lag:{}", applier.reader.consumer), lag);
        }
        self.host.metrics.level(self.service, "outbox_unpublished", standing.outbox);
        self.host.metrics.level(self.service, "events_parked", standing.parked + unreadable);
        self.host.metrics.level(self.service, "timers_due", standing.timers_due);
        Ok(())
    }
}
