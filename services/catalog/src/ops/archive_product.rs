//! `DELETE /v1/catalog/products/{id}` and `DELETE …/variants/{variant_id}`: out of sale, kept for those who refer to it.

use bloom_fault::Fault;
use bloom_kernel::{ProductId, VariantId};
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::{Empty, Reply};

use crate::Catalog;
use crate::domain::product::ProductStatus;
use crate::domain::variant::VariantStatus;
use crate::ops::save_product;

/// Archives a product; an archived one stays as it is.
pub async fn archive_product(
    app: &Catalog,
    call: &RequestContext,
    id: ProductId,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    let mut product = save_product::take(&mut tx, id, seen).await?;
    if product.status != ProductStatus::Archived {
        product.status = ProductStatus::Archived;
        product.touch(app.host.now(call.tenant));
        save_product::save(app, &mut tx, call, &mut product).await?;
        tx.commit().await?;
        app.freshness.changed(call.tenant);
    }
    Ok(Reply::no_content())
}

/// Archives a variant, which sets its SKU free; the last active one of a product stays.
pub async fn archive_variant(
    app: &Catalog,
    call: &RequestContext,
    id: ProductId,
    variant: VariantId,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    let mut product = save_product::take(&mut tx, id, seen).await?;
    let now = app.host.now(call.tenant);
    let found = product.variants.iter_mut().find(|found| found.id == variant).ok_or_else(|| Fault::not_found("variant"))?;
    if found.is_active() {
        found.status = VariantStatus::Archived;
        found.updated_at = now;
        product.touch(now);
        save_product::save(app, &mut tx, call, &mut product).await?;
        tx.commit().await?;
        app.freshness.changed(call.tenant);
    }
    Ok(Reply::no_content())
}
