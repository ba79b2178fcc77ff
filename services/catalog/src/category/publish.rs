//! Events of categories.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish, publish_many};
use bloom_fault::Fault;
use bloom_runtime::{RequestContext, ServiceContext};

use super::model::Category;

/// Publishes categories after a change.
pub(crate) async fn publish_categories(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    categories: &[Category],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = categories.iter().map(draft).collect();
    publish_many(tx, host, call, drafts).await
}

fn draft(category: &Category) -> Draft<'_> {
    let kind = if category.version == 1 { "category.created" } else { "category.updated" };
    Draft { kind, aggregate: category.id.to_string(), version: category.version, data: category, causation: None }
}

/// Publishes a deletion: the last state, with the next version.
pub(super) async fn publish_deleted(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    last: &Category,
) -> Result<(), Fault> {
    let (kind, version) = ("category.deleted", last.version + 1);
    publish(tx, host, call, Draft { kind, aggregate: last.id.to_string(), version, data: last, causation: None }).await
}
