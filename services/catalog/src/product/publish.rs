//! Events of products.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish_many};
use bloom_fault::Fault;
use bloom_runtime::{RequestContext, ServiceContext};

use super::model::{Product, ProductStatus};

/// Publishes products after a change.
pub(crate) async fn publish_products(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    products: &[&Product],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = products.iter().map(|product| draft(product)).collect();
    publish_many(tx, host, call, drafts).await
}

fn draft(product: &Product) -> Draft<'_> {
    let kind = match (product.version, product.status) {
        (1, _) => "product.created",
        (_, ProductStatus::Archived) => "product.archived",
        (_, ProductStatus::Draft | ProductStatus::Active) => "product.updated",
    };
    Draft { kind, aggregate: product.id.to_string(), version: product.version, data: product, causation: None }
}
