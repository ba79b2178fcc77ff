//! `POST /v1/catalog/products`

use bloom_fault::Fault;
use bloom_kernel::TaxClassId;
use bloom_runtime::{Begin, Call, Reply};

use crate::Catalog;
use crate::domain::product::{Product, ProductCreate};
use crate::ops::{known, save_product};
use crate::store::listing::topology_share;

/// Creates a product with its variants.
pub async fn create_product(app: &Catalog, call: &Call, input: ProductCreate) -> Result<Reply<Product, 201>, Fault> {
    known::tax_classes(&app.db, call.tenant, &tax_classes(&input)).await?;
    let channels = match &input.channel_ids {
        Some(_) => Vec::new(),
        // A tenant without a channel yet may fill its catalogue.
        None => app.channels.default_id(call.tenant).await?.into_iter().collect(),
    };
    let mut tx = match app.db.begin(call, "product_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let (now, tenant) = (app.host.now(call.tenant), call.tenant);
    let mut product = Product::create(app.host.id(tenant), || app.host.id(tenant), input, channels, now);
    topology_share(&mut tx, tenant).await?;
    save_product::save(app, &mut tx, call, &mut product).await?;
    let version = product.version;
    let reply = tx.finish(Reply::created(product).etag(version)).await?;
    app.freshness.changed(tenant);
    Ok(reply)
}

fn tax_classes(input: &ProductCreate) -> Vec<(String, TaxClassId)> {
    let named = input.variants.iter().enumerate();
    named.filter_map(|(index, variant)| Some((format!("/variants/{index}/tax_class_id"), variant.tax_class_id?))).collect()
}
