//! `/v1/catalog/products/{product_id}/variants`: parts of a product, so the product's version is their `ETag`.

use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ProductId, TaxClassId, VariantId};
use bloom_web::{Body, Caller, Created, IfMatch, List, NoContent, NoFilter, Page, Path, Reply, Routes};

use super::get::load_visible;
use super::model::Product;
use super::save::{lock, relative_to_variant, save};
use super::variant::{Variant, VariantCreate, VariantStatus, VariantUpdate};
use crate::clients::check_tax_classes;
use crate::{Catalog, CatalogRead, CatalogWrite};

pub(crate) fn routes() -> Routes<Catalog> {
    Routes::new("/v1/catalog/products/{product_id}/variants")
        .post("variant_create", "Add a variant to a product", create)
        .get("variant_list", "List the variants of a product", list)
        .at("/{variant_id}")
        .get("variant_get", "Get a variant", get)
        .patch("variant_update", "Update a variant", update)
        .delete("variant_archive", "Archive a variant", archive)
}

/// Adds a variant after the others.
async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(product_id): Path<ProductId>,
    if_match: IfMatch,
    Body(input): Body<VariantCreate>,
) -> Result<Created<Variant>, Fault> {
    let tax_class = tax_class(input.tax_class_id);
    app.db
        .idempotent_after(
            caller.operation("variant_create", &(product_id, if_match.version(), &input)),
            async || check_tax_classes(&app, &caller, &tax_class).await,
            async |tx, ()| {
                let mut product = lock(tx, product_id, if_match).await?;
                let (variant_id, now) = (tx.new_id(), tx.now());
                product.variants.push(Variant::new(variant_id, now, product_id, product.next_position(), input));
                product.bump_version(now);
                let saved = save(&app, tx, &mut product).await;
                saved.map_err(|fault| relative_to_variant(fault, &product, variant_id))?;
                Ok(Created::new(find(&product, variant_id)?).etag(product.version))
            },
        )
        .await
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(product_id): Path<ProductId>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Variant>>, Fault> {
    let after: Option<(i32, VariantId)> = page.after()?;
    let product = load_visible(&app, &caller, product_id).await?;
    let rest = product.variants.into_iter().filter(|variant| after.is_none_or(|after| after < (variant.position, variant.id)));
    let rows = rest.take(page.limit.items() + 1).collect();
    Ok(page.finish(rows, |variant| (variant.position, variant.id)))
}

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path((product_id, variant_id)): Path<(ProductId, VariantId)>,
) -> Result<Reply<Variant>, Fault> {
    let product = load_visible(&app, &caller, product_id).await?;
    Ok(Reply::ok(find(&product, variant_id)?).etag(product.version))
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path((product_id, variant_id)): Path<(ProductId, VariantId)>,
    if_match: IfMatch,
    Body(input): Body<VariantUpdate>,
) -> Result<Reply<Variant>, Fault> {
    let tax_class = tax_class(input.tax_class_id.value().copied());
    app.db
        .idempotent_after(
            caller.operation("variant_update", &(product_id, variant_id, if_match.version(), &input)),
            async || check_tax_classes(&app, &caller, &tax_class).await,
            async |tx, ()| {
                let mut product = lock(tx, product_id, if_match).await?;
                let now = tx.now();
                let variant = find_mut(&mut product, variant_id)?;
                if !variant.is_active() {
                    return Err(Fault::new(Code::Conflict, "variant_archived", "An archived variant stays as it is."));
                }
                variant.update(now, input)?;
                product.bump_version(now);
                let saved = save(&app, tx, &mut product).await;
                saved.map_err(|fault| relative_to_variant(fault, &product, variant_id))?;
                Ok(Reply::ok(find(&product, variant_id)?).etag(product.version))
            },
        )
        .await
}

/// Archives a variant, which frees its SKU; the last active variant of a product stays.
async fn archive(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path((product_id, variant_id)): Path<(ProductId, VariantId)>,
    if_match: IfMatch,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            let mut product = lock(tx, product_id, if_match).await?;
            let now = tx.now();
            let variant = find_mut(&mut product, variant_id)?;
            if variant.is_active() {
                variant.status = VariantStatus::Archived;
                variant.updated_at = now;
                product.bump_version(now);
                save(&app, tx, &mut product).await?;
            }
            Ok(NoContent::no_content())
        })
        .await
}

fn tax_class(id: Option<TaxClassId>) -> Vec<(String, TaxClassId)> {
    id.into_iter().map(|id| ("/tax_class_id".to_owned(), id)).collect()
}

fn find(product: &Product, id: VariantId) -> Result<Variant, Fault> {
    product.variants.iter().find(|variant| variant.id == id).cloned().ok_or_else(|| Fault::not_found("variant"))
}

fn find_mut(product: &mut Product, id: VariantId) -> Result<&mut Variant, Fault> {
    product.variants.iter_mut().find(|variant| variant.id == id).ok_or_else(|| Fault::not_found("variant"))
}
