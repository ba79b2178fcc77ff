//! `/v1/catalog/products`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ProductId;
use bloom_web::{Body, Caller, IfMatch, NoContent, Path, Reply, Routes};

use super::create::create;
use super::get::get;
use super::list::list;
use super::model::{Product, ProductStatus, ProductUpdate};
use super::save::{lock, save};
use crate::{Catalog, CatalogWrite};

pub(crate) fn routes() -> Routes<Catalog> {
    Routes::new("/v1/catalog/products")
        .post("product_create", "Create a product with its variants", create)
        .get("product_list", "List products with price and stock", list)
        .at("/{product_id}")
        .get("product_get", "Get a product", get)
        .patch("product_update", "Update a product", update)
        .delete("product_archive", "Archive a product", archive)
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductId>,
    if_match: IfMatch,
    Body(input): Body<ProductUpdate>,
) -> Result<Reply<Product>, Fault> {
    app.db
        .idempotent(caller.operation("product_update", &(id, if_match.version(), &input)), async |tx| {
            let mut product = lock(tx, id, if_match).await?;
            product.update(input)?;
            product.bump_version(tx.now());
            save(&app, tx, &mut product).await?;
            Ok(product)
        })
        .await
}

/// An archived product stays as it is.
async fn archive(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductId>,
    if_match: IfMatch,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            let mut product = lock(tx, id, if_match).await?;
            if product.status != ProductStatus::Archived {
                product.status = ProductStatus::Archived;
                product.bump_version(tx.now());
                save(&app, tx, &mut product).await?;
            }
            Ok(NoContent::no_content())
        })
        .await
}
