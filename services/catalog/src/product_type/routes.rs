//! `/v1/catalog/product-types`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ProductTypeId;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::model::{ProductType, ProductTypeCreate, ProductTypeUpdate};
use super::publish::publish_product_type;
use super::store::{product_type_get, product_type_list, product_type_lock, product_type_write};
use crate::Catalog;
use crate::error::refused;
use crate::keyset::After;
use crate::permissions::{CatalogRead, CatalogWrite};

pub(crate) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/product-types",
            post_with(create, doc("product_type_create", "Create a product type"))
                .get_with(list, doc("product_type_list", "List product types")),
        )
        .api_route(
            "/v1/catalog/product-types/{product_type_id}",
            get_with(get, doc("product_type_get", "Get a product type"))
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
    let mut tx = match app.db.begin(&caller, "product_type_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let product_type = ProductType::new(app.host.id(caller.tenant), app.host.now(caller.tenant), input)?;
    product_type_write(&mut tx, caller.tenant, &product_type).await.map_err(refused)?;
    publish_product_type(&mut tx, &app.host, &caller, &product_type).await?;
    let version = product_type.version;
    tx.finish(Reply::created(product_type).etag(version)).await
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

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ProductTypeId>,
) -> Result<Reply<ProductType>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let product_type = product_type_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("product type"))?;
    let version = product_type.version;
    Ok(Reply::ok(product_type).etag(version))
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductTypeId>,
    if_match: IfMatch,
    Json(input): Json<ProductTypeUpdate>,
) -> Result<Reply<ProductType>, Fault> {
    let mut tx = match app.db.begin(&caller, "product_type_update", &(id, if_match.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut product_type = product_type_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("product type"))?;
    if_match.check(product_type.version)?;
    product_type.update(app.host.now(caller.tenant), input)?;
    product_type_write(&mut tx, caller.tenant, &product_type).await.map_err(refused)?;
    publish_product_type(&mut tx, &app.host, &caller, &product_type).await?;
    let version = product_type.version;
    tx.finish(Reply::ok(product_type).etag(version)).await
}
