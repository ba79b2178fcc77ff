//! `PATCH /v1/catalog/products/{id}/variants/{variant_id}`

use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ProductId, VariantId};
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::variant::{Variant, VariantPatch};
use crate::ops::create_variant::pick;
use crate::ops::{known, save_product};

/// Changes a variant. `If-Match` carries the product's version.
pub async fn update_variant(
    app: &Catalog,
    call: &RequestContext,
    (id, variant): (ProductId, VariantId),
    seen: IfMatch,
    patch: VariantPatch,
) -> Result<Reply<Variant>, Fault> {
    let named: Vec<_> = patch.tax_class_id.flatten().into_iter().map(|class| ("/tax_class_id".to_owned(), class)).collect();
    known::tax_classes(app, call, &named).await?;
    let mut tx = match app.db.begin(call, "variant_update", &(id, variant, seen.version(), &patch)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut product = save_product::take(&mut tx, id, seen).await?;
    let now = app.host.now(call.tenant);
    let found = product.variants.iter_mut().find(|found| found.id == variant).ok_or_else(|| Fault::not_found("variant"))?;
    if !found.is_active() {
        return Err(Fault::new(Code::Conflict, "variant_archived", "An archived variant stays as it is."));
    }
    found.patch(patch, now)?;
    product.touch(now);
    let saved = save_product::save(app, &mut tx, call, &mut product).await;
    saved.map_err(|fault| save_product::of_variant(fault, &product, variant))?;
    let reply = tx.finish(Reply::ok(pick(&product, variant)?).etag(product.version)).await?;
    app.freshness.changed(call.tenant);
    Ok(reply)
}
