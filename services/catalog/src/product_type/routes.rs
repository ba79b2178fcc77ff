//! `/v1/catalog/product-types`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ProductTypeId;
use bloom_web::{Body, Caller, Created, IfMatch, List, NoFilter, Page, Path, Reply, Routes};

use super::model::{ProductType, ProductTypeCreate, ProductTypeUpdate};
use super::store::{product_type_get, product_type_list, product_type_lock, product_type_write};
use crate::keyset::After;
use crate::{Catalog, CatalogRead, CatalogWrite};

pub(crate) fn routes() -> Routes<Catalog> {
    Routes::new("/v1/catalog/product-types")
        .post("product_type_create", "Create a product type", create)
        .get("product_type_list", "List product types", list)
        .at("/{product_type_id}")
        .get("product_type_get", "Get a product type", get)
        .patch("product_type_update", "Update a product type", update)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Body(input): Body<ProductTypeCreate>,
) -> Result<Created<ProductType>, Fault> {
    app.db
        .idempotent(caller.operation("product_type_create", &input), async |tx| {
            let product_type = ProductType::new(tx.new_id(), tx.now(), input)?;
            product_type_write(tx, &product_type).await?;
            tx.publish(&product_type);
            Ok(product_type)
        })
        .await
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<ProductType>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = product_type_list(&mut conn, After::new(caller.tenant, page.after::<ProductTypeId>()?), page.rows()).await?;
    Ok(page.finish(rows.into_iter().map(|(_, product_type)| product_type).collect(), |product_type| product_type.id))
}

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ProductTypeId>,
) -> Result<Reply<ProductType>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let product_type = product_type_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(product_type.into())
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ProductTypeId>,
    if_match: IfMatch,
    Body(input): Body<ProductTypeUpdate>,
) -> Result<Reply<ProductType>, Fault> {
    app.db
        .idempotent(caller.operation("product_type_update", &(id, if_match.version(), &input)), async |tx| {
            let mut product_type = product_type_lock(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(product_type.version)?;
            product_type.update(tx.now(), input)?;
            product_type_write(tx, &product_type).await?;
            tx.publish(&product_type);
            Ok(product_type)
        })
        .await
}

fn not_found() -> Fault {
    Fault::not_found("product type")
}
