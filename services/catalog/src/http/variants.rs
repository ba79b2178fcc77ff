//! `/v1/catalog/products/{id}/variants`: parts of a product, so the product's version is their `ETag`.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{ProductId, VariantId};
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use bloom_web::{page::Page, page::PageQuery};

use super::{CatalogRead, CatalogWrite};
use crate::Catalog;
use crate::domain::variant::{Variant, VariantCreate, VariantPatch};
use crate::ops::create_variant::pick;
use crate::ops::read_product::{Expand, read_product};
use crate::ops::{archive_product, create_variant, update_variant};

pub(super) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/products/{id}/variants",
            post_with(create, doc("variant_create", "Add a variant to a product"))
                .get_with(list, doc("variant_list", "List the variants of a product")),
        )
        .api_route(
            "/v1/catalog/products/{id}/variants/{variant_id}",
            get_with(fetch, doc("variant_get", "Get a variant"))
                .patch_with(update, doc("variant_update", "Update a variant"))
                .delete_with(remove, doc("variant_archive", "Archive a variant")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductId>,
    seen: IfMatch,
    Json(input): Json<VariantCreate>,
) -> Result<Reply<Variant, 201>, Fault> {
    create_variant::create_variant(&app, &caller, id, seen, input).await
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ProductId>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Variant>>, Fault> {
    let filter = format!("variants:{id}");
    let after: Option<(i32, VariantId)> = app.cursors.position(caller.tenant, filter.as_bytes(), query.cursor.as_deref())?;
    let product = read_product(&app, &caller, id, Expand::default()).await?;
    let behind = product.variants.into_iter().filter(|variant| after.is_none_or(|after| after < (variant.position, variant.id)));
    let rows = behind.take(query.limit.items() + 1).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), query.limit, rows, |row| (row.position, row.id))))
}

async fn fetch(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path((id, variant)): Path<(ProductId, VariantId)>,
) -> Result<Reply<Variant>, Fault> {
    let product = read_product(&app, &caller, id, Expand::default()).await?;
    Ok(Reply::ok(pick(&product, variant)?).etag(product.version))
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(ids): Path<(ProductId, VariantId)>,
    seen: IfMatch,
    Json(patch): Json<VariantPatch>,
) -> Result<Reply<Variant>, Fault> {
    update_variant::update_variant(&app, &caller, ids, seen, patch).await
}

async fn remove(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path((id, variant)): Path<(ProductId, VariantId)>,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    archive_product::archive_variant(&app, &caller, id, variant, seen).await
}
