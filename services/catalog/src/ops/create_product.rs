//! `POST /v1/catalog/products`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::TaxClassId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::product::{Product, ProductCreate};
use crate::domain::variant::Variant;
use crate::ops::{known, save_product};
use crate::store::listing::topology_share;
use crate::store::product::{product_find, product_load};

/// Creates a product with its variants.
pub async fn create_product(app: &Catalog, call: &RequestContext, input: ProductCreate) -> Result<Reply<Product, 201>, Fault> {
    known::tax_classes(app, call, &tax_classes(&input)).await?;
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
    if let Err(fault) = save_product::save(app, &mut tx, call, &mut product).await {
        drop(tx);
        return Err(at_variant(app, call, fault, &product).await?);
    }
    let version = product.version;
    let reply = tx.finish(Reply::created(product).etag(version)).await?;
    app.freshness.changed(tenant);
    Ok(reply)
}

/// The database says that something is taken, not by which of the new variants: that is looked up for the refusal.
async fn at_variant(app: &Catalog, call: &RequestContext, fault: Fault, product: &Product) -> Result<Fault, Fault> {
    let pointer = fault.errors.first().map_or("", |wrong| wrong.pointer.as_str());
    let is_sku = fault.reason == "sku_taken";
    let is_external_id = fault.reason == "external_id_taken" && product.external_id.is_none();
    if !(is_sku || is_external_id) {
        return Ok(fault);
    }
    let named = |variant: &Variant| if is_sku { Some(variant.sku.clone()) } else { variant.external_id.clone() };
    let all: Vec<String> = product.variants.iter().filter_map(named).collect();
    let mut conn = app.db.read(call.tenant).await?;
    let (skus, external_ids) = if is_sku { (all.as_slice(), [].as_slice()) } else { ([].as_slice(), all.as_slice()) };
    let owners = product_find(&mut conn, &[], skus, external_ids).await?;
    let owners = product_load(&mut conn, &owners).await?;
    let taken: Vec<String> = owners.iter().flat_map(|owner| &owner.variants).filter_map(named).collect();
    let place = product.variants.iter().position(|variant| named(variant).is_some_and(|name| taken.contains(&name)));
    let Some(index) = place else { return Ok(fault) };
    let pointer = format!("/variants/{index}{pointer}");
    Ok(Fault::new(fault.code, fault.reason.clone(), fault.detail.clone()).at(pointer, "taken", fault.detail.clone()))
}

fn tax_classes(input: &ProductCreate) -> Vec<(String, TaxClassId)> {
    let named = input.variants.iter().enumerate();
    named.filter_map(|(index, variant)| Some((format!("/variants/{index}/tax_class_id"), variant.tax_class_id?))).collect()
}
