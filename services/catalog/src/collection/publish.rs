//! Events of collections.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::{RequestContext, ServiceContext};

use super::model::Collection;

/// Publishes a collection after a change.
pub(super) async fn publish_collection(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    collection: &Collection,
) -> Result<(), Fault> {
    let Collection { id, version, .. } = collection;
    let kind = if *version == 1 { "collection.created" } else { "collection.updated" };
    publish(tx, host, call, Draft { kind, aggregate: id.to_string(), version: *version, data: collection, causation: None }).await
}

/// Publishes a deletion: the last state, with the next version.
pub(super) async fn publish_deleted(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    last: &Collection,
) -> Result<(), Fault> {
    let (kind, version) = ("collection.deleted", last.version + 1);
    publish(tx, host, call, Draft { kind, aggregate: last.id.to_string(), version, data: last, causation: None }).await
}
