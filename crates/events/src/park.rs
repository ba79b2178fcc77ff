//! Redrives parked events.

use bloom_fault::Fault;
use bloom_kernel::TenantId;

use crate::apply::Applier;
use crate::store::parked::{Queue, parked_failed, parked_head, parked_queues, parked_remove};

/// Maximum number of events of a queue redriven in one transaction.
const STEP: i64 = 64;

/// Selects parked events.
#[derive(Debug, Default)]
pub(crate) struct Which {
    pub(crate) tenant: Option<TenantId>,
    pub(crate) aggregate: Option<String>,
    /// Only queues whose first event failed with a transient fault.
    pub(crate) transient: bool,
    /// Discard the events instead of applying them.
    pub(crate) discard: bool,
}

/// Redrives the selected queues; returns how many events left them.
pub(crate) async fn unpark(applier: &Applier, which: &Which) -> Result<u64, Fault> {
    let consumer = applier.reader.consumer;
    let mut tx = applier.db.system().await?;
    let queues = parked_queues(&mut tx, consumer, which.tenant, which.aggregate.as_deref(), which.transient).await?;
    tx.commit().await?;
    let mut done = 0;
    for queue in &queues {
        loop {
            match step(applier, queue, which.discard).await {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(fault) => {
                    tracing::warn!(consumer, tenant = %queue.tenant, aggregate = queue.aggregate, cause = fault.chain(), "still parked");
                    let mut tx = applier.begin_for(queue.tenant).await?;
                    parked_failed(&mut tx, consumer, queue, &fault.chain(), fault.is_retryable()).await?;
                    tx.commit().await?;
                    break;
                }
            }
        }
    }
    Ok(done)
}

/// Redrives the next events of one queue in one transaction. If that fails, only the first is tried, so that the queue
/// advances up to the event that fails.
async fn step(applier: &Applier, queue: &Queue, discard: bool) -> Result<u64, Fault> {
    match take(applier, queue, STEP, discard).await {
        Err(_) => take(applier, queue, 1, discard).await,
        done => done,
    }
}

async fn take(applier: &Applier, queue: &Queue, limit: i64, discard: bool) -> Result<u64, Fault> {
    let mut tx = applier.begin_for(queue.tenant).await?;
    let waiting = parked_head(&mut tx, applier.reader.consumer, queue, limit).await?;
    let Some(through) = waiting.last().map(|event| event.seq) else { return Ok(0) };
    if !discard {
        let events: Vec<_> = waiting.into_iter().map(|event| event.envelope).collect();
        applier.effect(&mut tx, &events).await?;
    }
    let done = parked_remove(&mut tx, applier.reader.consumer, queue, through).await?;
    tx.commit().await?;
    Ok(done)
}
