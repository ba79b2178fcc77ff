//! `POST /v1/catalog/products/{id}/variants`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ProductId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::product::Product;
use crate::domain::variant::{Variant, VariantCreate};
use crate::ops::{known, save_product};

/// Adds a variant behind the others.
pub async fn create_variant(
    app: &Catalog,
    call: &RequestContext,
    id: ProductId,
    seen: IfMatch,
    input: VariantCreate,
) -> Result<Reply<Variant, 201>, Fault> {
    let named: Vec<_> = input.tax_class_id.into_iter().map(|class| ("/tax_class_id".to_owned(), class)).collect();
    known::tax_classes(app, call, &named).await?;
    let mut tx = match app.db.begin(call, "variant_create", &(id, seen.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut product = save_product::take(&mut tx, id, seen).await?;
    let now = app.host.now(call.tenant);
    let place = product.variants.iter().map(|variant| variant.position).max().unwrap_or_default().saturating_add(1);
    let variant = Variant::create(app.host.id(call.tenant), id, place, input, now);
    let variant_id = variant.id;
    product.variants.push(variant);
    product.touch(now);
    let saved = save_product::save(app, &mut tx, call, &mut product).await;
    saved.map_err(|fault| save_product::of_variant(fault, &product, variant_id))?;
    let reply = tx.finish(Reply::created(pick(&product, variant_id)?).etag(product.version)).await?;
    app.freshness.changed(call.tenant);
    Ok(reply)
}

/// A variant of a product just saved.
pub fn pick(product: &Product, id: bloom_kernel::VariantId) -> Result<Variant, Fault> {
    product.variants.iter().find(|variant| variant.id == id).cloned().ok_or_else(|| Fault::not_found("variant"))
}
