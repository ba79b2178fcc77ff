//! `PUT /v1/catalog/collections/{collection_id}/products` and `DELETE …/products/{product_id}`: which products a collection
//! holds, in which order. Positions are part of the product: its version rises, its listings and its event follow.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{CollectionId, ProductId};
use bloom_runtime::RequestContext;
use bloom_web::{Caller, Json, Path};
use bloom_web::{Empty, Reply};

use super::model::Placements;
use super::store::collection_get;
use crate::Catalog;
use crate::error::{refused, unknown};
use crate::keyset::uuids;
use crate::listing::{listing_refresh, product_lock, topology_share};
use crate::permissions::CatalogWrite;
use crate::product::{
    COLLECTIONS_MAX, product_collection_put, product_collection_remove, product_load, product_touch, publish_products,
};

pub(super) async fn place(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(collection_id): Path<CollectionId>,
    Json(input): Json<Placements>,
) -> Result<Reply<Empty, 204>, Fault> {
    input.validate()?;
    let ids: Vec<ProductId> = input.products.iter().map(|placed| placed.product_id).collect();
    let positions: Vec<i64> = input.products.iter().map(|placed| placed.position).collect();
    let mut tx = app.db.write(&caller).await?;
    topology_share(&mut tx, caller.tenant).await?;
    let locked = product_lock(&mut tx, &ids).await?;
    if let Some(index) = ids.iter().position(|id| !locked.contains(id)) {
        return Err(unknown("product", &format!("/products/{index}/product_id")));
    }
    collection_get(&mut tx, collection_id).await?.ok_or_else(|| Fault::not_found("collection"))?;
    product_collection_put(&mut tx, caller.tenant, collection_id, &uuids(&ids), &positions).await.map_err(refused)?;
    save_positions(&app, &mut tx, &caller, &locked).await?;
    tx.commit().await?;
    app.list_etags.invalidate(caller.tenant);
    Ok(Reply::no_content())
}

pub(super) async fn displace(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path((collection_id, product_id)): Path<(CollectionId, ProductId)>,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(&caller).await?;
    topology_share(&mut tx, caller.tenant).await?;
    let locked = product_lock(&mut tx, &[product_id]).await?;
    if !product_collection_remove(&mut tx, collection_id, product_id).await? {
        return Err(Fault::not_found("product of the collection"));
    }
    save_positions(&app, &mut tx, &caller, &locked).await?;
    tx.commit().await?;
    app.list_etags.invalidate(caller.tenant);
    Ok(Reply::no_content())
}

async fn save_positions(app: &Catalog, tx: &mut TenantTx, call: &RequestContext, ids: &[ProductId]) -> Result<(), Fault> {
    product_touch(tx, ids, app.host.now(call.tenant)).await?;
    let products = product_load(tx, ids).await?;
    if products.iter().any(|product| COLLECTIONS_MAX < product.collections.len()) {
        return Err(Fault::invalid("/products", "too_many", format!("A product is in at most {COLLECTIONS_MAX} collections.")));
    }
    listing_refresh(tx, ids).await?;
    publish_products(tx, &app.host, call, &products.iter().collect::<Vec<_>>()).await
}
