//! `PUT /v1/catalog/collections/{id}/products` and `DELETE …/products/{product_id}`

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{CollectionId, ProductId};
use bloom_runtime::RequestContext;
use bloom_web::{Empty, Reply};

use crate::Catalog;
use crate::domain::check::Checks;
use crate::domain::collection::Placements;
use crate::domain::product::COLLECTIONS_MAX;
use crate::error::{refused, unknown};
use crate::events::tell_products;
use crate::store::collection::collection_get;
use crate::store::listing::{listing_refresh, topology_share};
use crate::store::product::{product_load, product_lock, product_touch};
use crate::store::product_place::{product_collection_put, product_collection_remove};
use crate::store::uuids;

/// Puts products into a collection, or moves them within it. Saying it again changes nothing but versions.
pub async fn place_products(
    app: &Catalog,
    call: &RequestContext,
    collection: CollectionId,
    input: Placements,
) -> Result<Reply<Empty, 204>, Fault> {
    input.validate()?;
    let ids: Vec<ProductId> = input.products.iter().map(|placed| placed.product_id).collect();
    let positions: Vec<i64> = input.products.iter().map(|placed| placed.position).collect();
    let mut tx = app.db.write(call).await?;
    topology_share(&mut tx, call.tenant).await?;
    let known = product_lock(&mut tx, &ids).await?;
    if let Some(index) = ids.iter().position(|id| !known.contains(id)) {
        return Err(unknown("product", &format!("/products/{index}/product_id")));
    }
    collection_get(&mut tx, collection).await?.ok_or_else(|| Fault::not_found("collection"))?;
    product_collection_put(&mut tx, call.tenant, collection, &uuids(&ids), &positions).await.map_err(refused)?;
    retell(app, &mut tx, call, &known).await?;
    tx.commit().await?;
    app.freshness.changed(call.tenant);
    Ok(Reply::no_content())
}

/// Takes a product out of a collection.
pub async fn displace_product(
    app: &Catalog,
    call: &RequestContext,
    collection: CollectionId,
    product: ProductId,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    topology_share(&mut tx, call.tenant).await?;
    let known = product_lock(&mut tx, &[product]).await?;
    if !product_collection_remove(&mut tx, collection, product).await? {
        return Err(Fault::not_found("product of the collection"));
    }
    retell(app, &mut tx, call, &known).await?;
    tx.commit().await?;
    app.freshness.changed(call.tenant);
    Ok(Reply::no_content())
}

/// Places are part of the product: its version rises, its listings follow, and others hear of it.
async fn retell(app: &Catalog, tx: &mut TenantTx, call: &RequestContext, ids: &[ProductId]) -> Result<(), Fault> {
    product_touch(tx, ids, app.host.now(call.tenant)).await?;
    let products = product_load(tx, ids).await?;
    if products.iter().any(|product| COLLECTIONS_MAX < product.collections.len()) {
        let mut checks = Checks::default();
        checks.fail("/products", "too_many", format!("A product is in at most {COLLECTIONS_MAX} collections."));
        checks.finish()?;
    }
    listing_refresh(tx, ids).await?;
    tell_products(tx, &app.host, call, &products.iter().collect::<Vec<_>>()).await
}
