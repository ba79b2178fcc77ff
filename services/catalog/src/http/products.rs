//! `/v1/catalog/products`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ProductId;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query, RawJson};
use bloom_web::{Empty, Reply};
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{CatalogRead, CatalogWrite};
use crate::Catalog;
use crate::domain::list::{ListItem, ListQuery};
use crate::domain::product::{Product, ProductCreate, ProductPatch};
use crate::ops::read_product::Expand;
use crate::ops::{archive_product, create_product, list_products, read_product, update_product};

pub(super) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/products",
            post_with(create, doc("product_create", "Create a product with its variants"))
                .get_with(list, doc("product_list", "List products with price and stock")),
        )
        .api_route(
            "/v1/catalog/products/{id}",
            get_with(fetch, doc("product_get", "Get a product"))
                .patch_with(update, doc("product_update", "Update a product"))
                .delete_with(remove, doc("product_archive", "Archive a product")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Json(input): Json<ProductCreate>,
) -> Result<Reply<Product, 201>, Fault> {
    create_product::create_product(&app, &caller, input).await
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<RawJson<Page<ListItem>>, Fault> {
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    list_products::list_products(&app, &caller, &query, seen).await
}

/// Query parameters of a product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProductQuery {
    /// What to bring along: `price`, `inventory`, or both, with a comma between them or each under its own `expand[]`.
    #[serde(default, rename = "expand[]")]
    expand: Option<String>,
}

async fn fetch(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ProductId>,
    Query(query): Query<ProductQuery>,
) -> Result<Reply<Product>, Fault> {
    let expand = Expand::parse(query.expand.as_deref())?;
    let product = read_product::read_product(&app, &caller, id, expand).await?;
    let version = product.version;
    let reply = Reply::ok(product);
    // Prices and stock change without the product: an expanded reply has no ETag.
    Ok(if expand.is_empty() { reply.etag(version) } else { reply })
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductId>,
    seen: IfMatch,
    Json(patch): Json<ProductPatch>,
) -> Result<Reply<Product>, Fault> {
    update_product::update_product(&app, &caller, id, seen, patch).await
}

async fn remove(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductId>,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    archive_product::archive_product(&app, &caller, id, seen).await
}
