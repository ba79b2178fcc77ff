//! Publishes events in the transaction of the change.

use bloom_db::{OutboxRow, Writer};
use bloom_fault::{Code, Fault};
use bloom_kernel::{Aggregate, Timestamp, Tombstone};
use bloom_runtime::ServiceContext;
use serde::Serialize;
use uuid::Uuid;

use crate::envelope::SCHEMA_VERSION;
use crate::shard::shard_of;

/// Maximum document size: the bus's message limit less room for attributes.
pub const DATA_BYTES: usize = 4 << 20;

/// Publishing and timers, for a transaction or a single-statement transaction. Events and timers become visible if and
/// when it commits.
///
/// Publish after the aggregate's row was written, and therefore locked: the order of publication is the order of the
/// events.
pub trait Publish: Writer {
    /// Publishes the aggregate's state as `<noun>.<verb>`.
    fn publish<A: Aggregate>(&mut self, aggregate: &A) {
        self.publish_as(aggregate.verb(), aggregate);
    }

    /// Publishes the aggregate's state under its own verb, for a change that is more than an update: `order.cancelled`.
    fn publish_as<A: Aggregate>(&mut self, verb: &str, aggregate: &A) {
        let kind = format!("{}.{verb}", A::NOUN);
        self.publish_document(kind, aggregate.id().to_string(), aggregate.version(), aggregate);
    }

    /// Publishes the aggregate's deletion: `<noun>.deleted` with a tombstone, one version above the last.
    fn publish_deleted<A: Aggregate>(&mut self, last: &A) {
        let (id, version) = (last.id().to_string(), last.version() + 1);
        let tombstone = Tombstone { id: id.clone(), deleted: true, version };
        self.publish_document(format!("{}.deleted", A::NOUN), id, version, &tombstone);
    }

    /// Publishes a document that is not an aggregate, under the key within which its order is kept.
    fn publish_document(&mut self, kind: String, aggregate: String, version: i64, data: &(impl Serialize + ?Sized)) {
        match row(self.cause(), kind, aggregate, version, data) {
            Ok(row) => self.pending().event(row),
            Err(fault) => self.pending().fail(fault),
        }
    }

    /// Sets or moves the timer of this kind and key.
    fn schedule(&mut self, kind: &'static str, key: &str, run_at: Timestamp, payload: &(impl Serialize + ?Sized)) {
        match serde_json::to_string(payload) {
            Ok(payload) => self.pending().timer(kind, key, Some((run_at, payload))),
            Err(error) => self.pending().fail(Fault::internal(error)),
        }
    }

    /// Removes the timer of this kind and key, if it exists.
    fn unschedule(&mut self, kind: &'static str, key: &str) {
        self.pending().timer(kind, key, None);
    }
}

impl<W: Writer> Publish for W {}

fn row(
    cause: &bloom_db::Cause,
    kind: String,
    aggregate: String,
    version: i64,
    data: &(impl Serialize + ?Sized),
) -> Result<OutboxRow, Fault> {
    let data = serde_json::to_string(data).map_err(Fault::internal)?;
    if DATA_BYTES < data.len() {
        let detail = format!("The document of {kind} {aggregate} is larger than 4 MiB and cannot be published.");
        return Err(Fault::new(Code::TooLarge, "document_too_large", detail));
    }
    Ok(OutboxRow {
        id: new_id(&cause.context),
        shard: shard_of(cause.tenant, &aggregate),
        kind,
        aggregate,
        version,
        schema_version: SCHEMA_VERSION,
        actor: cause.actor.clone(),
        occurred_at: cause.now(),
        trace: cause.traceparent(),
        causation: cause.causation,
        data,
    })
}

/// Uses the platform's clock even if the tenant has its own, because partitions are days of the platform's clock.
fn new_id(context: &ServiceContext) -> Uuid {
    bloom_kernel::uuid_v7(context.platform_now(), &*context.entropy)
}

/// Publishes a draft, for tests of what carries events.
#[cfg(test)]
pub(crate) async fn publish(
    tx: &mut impl Writer,
    _: &ServiceContext,
    _: &bloom_runtime::RequestContext,
    draft: crate::envelope::Draft<'_>,
) -> Result<(), Fault> {
    let data = draft.data.json().map_err(Fault::internal)?;
    let data = serde_json::value::RawValue::from_string(data).map_err(Fault::internal)?;
    tx.publish_document(draft.kind.to_owned(), draft.aggregate, draft.version, &data);
    Ok(())
}
