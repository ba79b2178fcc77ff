//! Telling events, in the transaction of the change.

use bloom_fault::{Code, Fault};
use bloom_runtime::db::{OutgoingEvent, Tell};
use bloom_runtime::{Call, Host, telemetry};
use uuid::Uuid;

use crate::envelope::{Draft, SCHEMA_VERSION};
use crate::shard::shard_of;

/// Largest document: what a message of the bus can carry, with room for its attributes.
pub const DATA_BYTES: usize = 4 << 20;

/// Tells one event; it leaves when the transaction commits, and never if it does not.
///
/// Call it after the aggregate's row was written (and so locked), or for the statement that writes it, which tells after that:
/// the order of telling is the order of publication.
pub async fn publish(tx: &mut impl Tell, host: &Host, call: &Call, draft: Draft<'_>) -> Result<(), Fault> {
    let tenant = tx.tenant();
    tx.tell(OutgoingEvent {
        id: new_id(host),
        shard: shard_of(tenant, &draft.aggregate),
        kind: draft.kind.to_owned(),
        version: draft.version,
        schema_version: SCHEMA_VERSION,
        actor: call.actor.clone(),
        occurred_at: host.now(tenant),
        trace: telemetry::traceparent().or_else(|| call.trace.clone()),
        causation: draft.causation.map(Uuid::from),
        data: document(&draft)?,
        aggregate: draft.aggregate,
    })
    .await
}

/// Tells events in the given order.
pub async fn publish_many<'a>(
    tx: &mut impl Tell,
    host: &Host,
    call: &Call,
    drafts: impl IntoIterator<Item = Draft<'a>, IntoIter: Send>,
) -> Result<(), Fault> {
    for draft in drafts {
        publish(tx, host, call, draft).await?;
    }
    Ok(())
}

/// Of the platform's time even when the tenant lives at another: partitions are days of it.
fn new_id(host: &Host) -> Uuid {
    bloom_kernel::uuid_v7(host.wall(), &*host.entropy)
}

fn document(draft: &Draft<'_>) -> Result<String, Fault> {
    let data = draft.data.json().map_err(Fault::internal)?;
    if DATA_BYTES < data.len() {
        let detail = format!("The document of {draft:?} is larger than 4 MiB and cannot be published.");
        return Err(Fault::new(Code::TooLarge, "document_too_large", detail));
    }
    Ok(data)
}
