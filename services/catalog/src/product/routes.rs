//! `/v1/catalog/products`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ProductId;
use bloom_web::{Caller, IfMatch, Json, Path};
use bloom_web::{Empty, Reply};

use super::create::create;
use super::get::get;
use super::list::list;
use super::model::{Product, ProductStatus, ProductUpdate};
use super::save::{lock, save};
use crate::Catalog;
use crate::permissions::CatalogWrite;

pub(crate) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/products",
            post_with(create, doc("product_create", "Create a product with its variants"))
                .get_with(list, doc("product_list", "List products with price and stock")),
        )
        .api_route(
            "/v1/catalog/products/{product_id}",
            get_with(get, doc("product_get", "Get a product"))
                .patch_with(update, doc("product_update", "Update a product"))
                .delete_with(archive, doc("product_archive", "Archive a product")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductId>,
    if_match: IfMatch,
    Json(input): Json<ProductUpdate>,
) -> Result<Reply<Product>, Fault> {
    let mut tx = match app.db.begin(&caller, "product_update", &(id, if_match.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut product = lock(&mut tx, id, if_match).await?;
    product.update(input)?;
    product.bump_version(app.host.now(caller.tenant));
    save(&app, &mut tx, &caller, &mut product).await?;
    let version = product.version;
    let reply = tx.finish(Reply::ok(product).etag(version)).await?;
    app.list_etags.invalidate(caller.tenant);
    Ok(reply)
}

/// An archived product stays as it is.
async fn archive(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(&caller).await?;
    let mut product = lock(&mut tx, id, if_match).await?;
    if product.status != ProductStatus::Archived {
        product.status = ProductStatus::Archived;
        product.bump_version(app.host.now(caller.tenant));
        save(&app, &mut tx, &caller, &mut product).await?;
        tx.commit().await?;
        app.list_etags.invalidate(caller.tenant);
    }
    Ok(Reply::no_content())
}
