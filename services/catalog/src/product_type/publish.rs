//! Events of product types.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::{RequestContext, ServiceContext};

use super::model::ProductType;

/// Publishes a product type after a change.
pub(super) async fn publish_product_type(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    product_type: &ProductType,
) -> Result<(), Fault> {
    let ProductType { id, version, .. } = product_type;
    let kind = if *version == 1 { "product_type.created" } else { "product_type.updated" };
    publish(tx, host, call, Draft { kind, aggregate: id.to_string(), version: *version, data: product_type, causation: None })
        .await
}
