//! What the catalogue tells others, and what it listens to.

pub mod checks;
pub mod exports;
pub mod heard;
pub mod timers;

use bloom_db::TenantTx;
use bloom_events::{Draft, publish, publish_many};
use bloom_fault::Fault;
use bloom_runtime::{RequestContext, ServiceContext};

use crate::domain::attribute::ProductType;
use crate::domain::category::Category;
use crate::domain::channel::Channel;
use crate::domain::collection::Collection;
use crate::domain::import::Import;
use crate::domain::product::{Product, ProductStatus};

/// Tells of products after a change.
pub async fn tell_products(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    products: &[&Product],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = products.iter().map(|product| product_draft(product)).collect();
    publish_many(tx, host, call, drafts).await
}

fn product_draft(product: &Product) -> Draft<'_> {
    let kind = match (product.version, product.status) {
        (1, _) => "product.created",
        (_, ProductStatus::Archived) => "product.archived",
        (_, ProductStatus::Draft | ProductStatus::Active) => "product.updated",
    };
    Draft { kind, aggregate: product.id.to_string(), version: product.version, data: product, causation: None }
}

/// Tells of a product type after a change.
pub async fn tell_product_type(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    value: &ProductType,
) -> Result<(), Fault> {
    let kind = if value.version == 1 { "product_type.created" } else { "product_type.updated" };
    publish(tx, host, call, Draft { kind, aggregate: value.id.to_string(), version: value.version, data: value, causation: None })
        .await
}

/// Tells of channels after a change.
pub async fn tell_channels(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    channels: &[Channel],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = channels
        .iter()
        .map(|channel| {
            let kind = if channel.version == 1 { "channel.created" } else { "channel.updated" };
            Draft { kind, aggregate: channel.id.to_string(), version: channel.version, data: channel, causation: None }
        })
        .collect();
    publish_many(tx, host, call, drafts).await
}

/// Tells of categories after a change.
pub async fn tell_categories(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    categories: &[Category],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = categories
        .iter()
        .map(|category| {
            let kind = if category.version == 1 { "category.created" } else { "category.updated" };
            Draft { kind, aggregate: category.id.to_string(), version: category.version, data: category, causation: None }
        })
        .collect();
    publish_many(tx, host, call, drafts).await
}

/// Tells that a category is gone: its last state, one version on.
pub async fn tell_category_gone(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    last: &Category,
) -> Result<(), Fault> {
    let draft = Draft {
        kind: "category.deleted",
        aggregate: last.id.to_string(),
        version: last.version + 1,
        data: last,
        causation: None,
    };
    publish(tx, host, call, draft).await
}

/// Tells of a collection after a change.
pub async fn tell_collection(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    value: &Collection,
) -> Result<(), Fault> {
    let kind = if value.version == 1 { "collection.created" } else { "collection.updated" };
    publish(tx, host, call, Draft { kind, aggregate: value.id.to_string(), version: value.version, data: value, causation: None })
        .await
}

/// Tells that a collection is gone: its last state, one version on.
pub async fn tell_collection_gone(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    last: &Collection,
) -> Result<(), Fault> {
    let draft = Draft {
        kind: "collection.deleted",
        aggregate: last.id.to_string(),
        version: last.version + 1,
        data: last,
        causation: None,
    };
    publish(tx, host, call, draft).await
}

/// Tells that an import began or ended.
pub async fn tell_import(tx: &mut TenantTx, host: &ServiceContext, call: &RequestContext, import: &Import) -> Result<(), Fault> {
    let draft = Draft {
        kind: "import.updated",
        aggregate: import.id.to_string(),
        version: import.version,
        data: import,
        causation: None,
    };
    publish(tx, host, call, draft).await
}
