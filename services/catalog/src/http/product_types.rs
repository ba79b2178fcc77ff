//! `/v1/catalog/product-types`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ProductTypeId;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::{CatalogRead, CatalogWrite};
use crate::Catalog;
use crate::domain::attribute::{ProductType, ProductTypeCreate, ProductTypePatch};
use crate::ops::{create_product_type, update_product_type};
use crate::store::After;
use crate::store::product_type::{product_type_get, product_type_list};

pub(super) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/product-types",
            post_with(create, doc("product_type_create", "Create a product type"))
                .get_with(list, doc("product_type_list", "List product types")),
        )
        .api_route(
            "/v1/catalog/product-types/{id}",
            get_with(fetch, doc("product_type_get", "Get a product type"))
                .patch_with(update, doc("product_type_update", "Update a product type")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Json(input): Json<ProductTypeCreate>,
) -> Result<Reply<ProductType, 201>, Fault> {
    create_product_type::create_product_type(&app, &caller, input).await
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductTypeId>,
    seen: IfMatch,
    Json(patch): Json<ProductTypePatch>,
) -> Result<Reply<ProductType>, Fault> {
    update_product_type::update_product_type(&app, &caller, id, seen, patch).await
}

async fn fetch(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ProductTypeId>,
) -> Result<Reply<ProductType>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let product_type = product_type_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("product type"))?;
    let version = product_type.version;
    Ok(Reply::ok(product_type).etag(version))
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<ProductType>>, Fault> {
    let after: Option<ProductTypeId> = app.cursors.position(caller.tenant, b"product_types", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = product_type_list(&mut conn, After::new(caller.tenant, after), query.limit.get() + 1).await?;
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"product_types", query.limit, rows, |row| row.id)))
}
