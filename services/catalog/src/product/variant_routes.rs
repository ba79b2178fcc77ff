//! `/v1/catalog/products/{product_id}/variants`: parts of a product, so the product's version is their `ETag`.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ProductId, TaxClassId, VariantId};
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use bloom_web::{page::Page, page::PageQuery};

use super::get::load_visible;
use super::model::Product;
use super::save::{lock, relative_to_variant, save};
use super::variant::{Variant, VariantCreate, VariantStatus, VariantUpdate};
use crate::Catalog;
use crate::clients::check_tax_classes;
use crate::permissions::{CatalogRead, CatalogWrite};

pub(crate) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/products/{product_id}/variants",
            post_with(create, doc("variant_create", "Add a variant to a product"))
                .get_with(list, doc("variant_list", "List the variants of a product")),
        )
        .api_route(
            "/v1/catalog/products/{product_id}/variants/{variant_id}",
            get_with(get, doc("variant_get", "Get a variant"))
                .patch_with(update, doc("variant_update", "Update a variant"))
                .delete_with(archive, doc("variant_archive", "Archive a variant")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

/// Adds a variant after the others.
async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(product_id): Path<ProductId>,
    if_match: IfMatch,
    Json(input): Json<VariantCreate>,
) -> Result<Reply<Variant, 201>, Fault> {
    check_tax_classes(&app, &caller, &tax_class(input.tax_class_id)).await?;
    let mut tx = match app.db.begin(&caller, "variant_create", &(product_id, if_match.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut product = lock(&mut tx, product_id, if_match).await?;
    let now = app.host.now(caller.tenant);
    let variant_id = app.host.id(caller.tenant);
    product.variants.push(Variant::new(variant_id, now, product_id, product.next_position(), input));
    product.bump_version(now);
    let saved = save(&app, &mut tx, &caller, &mut product).await;
    saved.map_err(|fault| relative_to_variant(fault, &product, variant_id))?;
    let reply = tx.finish(Reply::created(find(&product, variant_id)?).etag(product.version)).await?;
    app.list_etags.invalidate(caller.tenant);
    Ok(reply)
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(product_id): Path<ProductId>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Variant>>, Fault> {
    let filter = format!("variants:{product_id}");
    let after: Option<(i32, VariantId)> = app.cursors.position(caller.tenant, filter.as_bytes(), query.cursor.as_deref())?;
    let product = load_visible(&app, &caller, product_id).await?;
    let rest = product.variants.into_iter().filter(|variant| after.is_none_or(|after| after < (variant.position, variant.id)));
    let rows = rest.take(query.limit.items() + 1).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), query.limit, rows, |row| (row.position, row.id))))
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
    Json(input): Json<VariantUpdate>,
) -> Result<Reply<Variant>, Fault> {
    check_tax_classes(&app, &caller, &tax_class(input.tax_class_id.flatten())).await?;
    let mut tx = match app.db.begin(&caller, "variant_update", &(product_id, variant_id, if_match.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut product = lock(&mut tx, product_id, if_match).await?;
    let now = app.host.now(caller.tenant);
    let variant = find_mut(&mut product, variant_id)?;
    if !variant.is_active() {
        return Err(Fault::new(Code::Conflict, "variant_archived", "An archived variant stays as it is."));
    }
    variant.update(now, input)?;
    product.bump_version(now);
    let saved = save(&app, &mut tx, &caller, &mut product).await;
    saved.map_err(|fault| relative_to_variant(fault, &product, variant_id))?;
    let reply = tx.finish(Reply::ok(find(&product, variant_id)?).etag(product.version)).await?;
    app.list_etags.invalidate(caller.tenant);
    Ok(reply)
}

/// Archives a variant, which frees its SKU; the last active variant of a product stays.
async fn archive(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path((product_id, variant_id)): Path<(ProductId, VariantId)>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(&caller).await?;
    let mut product = lock(&mut tx, product_id, if_match).await?;
    let now = app.host.now(caller.tenant);
    let variant = find_mut(&mut product, variant_id)?;
    if variant.is_active() {
        variant.status = VariantStatus::Archived;
        variant.updated_at = now;
        product.bump_version(now);
        save(&app, &mut tx, &caller, &mut product).await?;
        tx.commit().await?;
        app.list_etags.invalidate(caller.tenant);
    }
    Ok(Reply::no_content())
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
