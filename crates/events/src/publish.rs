//! Writing events down, in the transaction of the change.

use bloom_fault::{Code, Fault};
use bloom_runtime::{Call, Host, TenantTx, telemetry};
use uuid::Uuid;

use crate::envelope::{Draft, SCHEMA_VERSION};
use crate::shard::shard_of;

/// Largest document: what a message of the bus can carry, with room for its attributes.
pub const DATA_BYTES: usize = 4 << 20;

/// Writes one event; it leaves when the transaction commits, and never if it does not.
///
/// Call it after the aggregate's row was written (and so locked): the order of insertion is the order of publication.
pub async fn publish(tx: &mut TenantTx, host: &Host, call: &Call, draft: Draft<'_>) -> Result<(), Fault> {
    publish_many(tx, host, call, &[draft]).await
}

/// Writes events in the given order, in one statement.
pub async fn publish_many(tx: &mut TenantTx, host: &Host, call: &Call, drafts: &[Draft<'_>]) -> Result<(), Fault> {
    if drafts.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    // The id is of the platform's time even when the tenant lives at another: partitions are days of it.
    let ids: Vec<Uuid> = drafts.iter().map(|_| bloom_kernel::uuid_v7(host.wall(), &*host.entropy)).collect();
    let shards: Vec<i16> = drafts.iter().map(|draft| shard_of(tenant, &draft.aggregate)).collect();
    let kinds: Vec<String> = drafts.iter().map(|draft| draft.kind.to_owned()).collect();
    let aggregates: Vec<String> = drafts.iter().map(|draft| draft.aggregate.clone()).collect();
    let versions: Vec<i64> = drafts.iter().map(|draft| draft.version).collect();
    let causations: Vec<Option<Uuid>> = drafts.iter().map(|draft| draft.causation.map(Uuid::from)).collect();
    let data = drafts.iter().map(|draft| draft.data.json()).collect::<Result<Vec<_>, _>>().map_err(Fault::internal)?;
    if let Some(place) = data.iter().position(|text| text.len() > DATA_BYTES) {
        let detail = format!("The document of {:?} is larger than 4 MiB and cannot be published.", drafts[place]);
        return Err(Fault::new(Code::TooLarge, "document_too_large", detail));
    }
    let trace = telemetry::traceparent().or_else(|| call.trace.clone());
    sqlx::query!(
        "insert into outbox (tenant_id, id, shard, kind, aggregate, version, schema_version, actor, occurred_at, trace, causation, data)
         select $1, id, shard, kind, aggregate, version, $2, $3, $4, $5, causation, data
         from unnest($6::uuid[], $7::int2[], $8::text[], $9::text[], $10::int8[], $11::uuid[], $12::text[])
              with ordinality as draft(id, shard, kind, aggregate, version, causation, data, ord)
         order by ord",
        tenant.uuid(),
        SCHEMA_VERSION,
        call.actor,
        host.now(tenant),
        trace,
        &ids,
        &shards,
        &kinds,
        &aggregates,
        &versions,
        &causations as &[Option<Uuid>],
        &data,
    )
    .execute(&mut **tx)
    .await?;
    tx.wake_outbox();
    Ok(())
}
