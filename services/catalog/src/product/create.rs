//! `POST /v1/catalog/products`: a product with its variants.

use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::TaxClassId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, Json};

use super::model::{Product, ProductCreate};
use super::save::save;
use super::store::{product_find, product_load};
use super::variant::Variant;
use crate::Catalog;
use crate::clients::check_tax_classes;
use crate::listing::topology_share;
use crate::permissions::CatalogWrite;

pub(super) async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Json(input): Json<ProductCreate>,
) -> Result<Reply<Product, 201>, Fault> {
    check_tax_classes(&app, &caller, &tax_classes(&input)).await?;
    let default_channels = match &input.channel_ids {
        Some(_) => Vec::new(),
        // A tenant without a channel may fill its catalogue.
        None => app.channels.default_id(caller.tenant).await?.into_iter().collect(),
    };
    let mut tx = match app.db.begin(&caller, "product_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let (now, tenant) = (app.host.now(caller.tenant), caller.tenant);
    let mut product = Product::new(app.host.id(tenant), now, input, default_channels, || app.host.id(tenant));
    topology_share(&mut tx, tenant).await?;
    if let Err(fault) = save(&app, &mut tx, &caller, &mut product).await {
        drop(tx);
        return Err(with_variant_pointer(&app, &caller, fault, &product).await?);
    }
    let version = product.version;
    let reply = tx.finish(Reply::created(product).etag(version)).await?;
    app.list_etags.invalidate(tenant);
    Ok(reply)
}

/// The database tells that a SKU or an external id is taken, but not of which new variant: this looks it up.
async fn with_variant_pointer(app: &Catalog, call: &RequestContext, fault: Fault, product: &Product) -> Result<Fault, Fault> {
    let pointer = fault.errors.first().map_or("", |error| error.pointer.as_str());
    let is_sku = fault.reason == "sku_taken";
    let is_external_id = fault.reason == "external_id_taken" && product.external_id.is_none();
    if !(is_sku || is_external_id) {
        return Ok(fault);
    }
    let identifier = |variant: &Variant| if is_sku { Some(variant.sku.clone()) } else { variant.external_id.clone() };
    let all: Vec<String> = product.variants.iter().filter_map(identifier).collect();
    let mut conn = app.db.read(call.tenant).await?;
    let (skus, external_ids) = if is_sku { (all.as_slice(), [].as_slice()) } else { ([].as_slice(), all.as_slice()) };
    let owners = product_find(&mut conn, &[], skus, external_ids).await?;
    let owners = product_load(&mut conn, &owners).await?;
    let taken: Vec<String> = owners.iter().flat_map(|owner| &owner.variants).filter_map(identifier).collect();
    let is_taken = |variant: &Variant| identifier(variant).is_some_and(|identifier| taken.contains(&identifier));
    let Some(index) = product.variants.iter().position(is_taken) else { return Ok(fault) };
    let pointer = format!("/variants/{index}{pointer}");
    Ok(Fault::new(fault.code, fault.reason.clone(), fault.detail.clone()).at(pointer, "taken", fault.detail.clone()))
}

fn tax_classes(input: &ProductCreate) -> Vec<(String, TaxClassId)> {
    let variants = input.variants.iter().enumerate();
    variants.filter_map(|(index, variant)| Some((format!("/variants/{index}/tax_class_id"), variant.tax_class_id?))).collect()
}
