//! `PUT /v1/catalog/collections/{collection_id}/products` and `DELETE …/products/{product_id}`: which products a collection
//! holds, in which order. Positions are part of the product: its version rises, its listings and its event follow.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{CollectionId, ProductId, ViolationCode};
use bloom_web::{Body, Caller, NoContent, Path};

use super::model::Placements;
use super::store::collection_get;
use crate::error::unknown;
use crate::keyset::uuids;
use crate::listing::{listing_refresh, product_lock, topology_share};
use crate::product::{COLLECTIONS_MAX, product_collection_put, product_collection_remove, product_load, product_touch};
use crate::{Catalog, CatalogWrite};

pub(super) async fn place(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(collection_id): Path<CollectionId>,
    Body(input): Body<Placements>,
) -> Result<NoContent, Fault> {
    input.validate()?;
    let ids: Vec<ProductId> = input.products.iter().map(|placed| placed.product_id).collect();
    let positions: Vec<i64> = input.products.iter().map(|placed| placed.position).collect();
    app.db
        .transaction(&caller, async |tx| {
            topology_share(tx).await?;
            let locked = product_lock(tx, &ids).await?;
            if let Some(index) = ids.iter().position(|id| !locked.contains(id)) {
                return Err(unknown("product", &format!("/products/{index}/product_id")));
            }
            collection_get(tx, collection_id).await?.ok_or_else(|| Fault::not_found("collection"))?;
            product_collection_put(tx, collection_id, &uuids(&ids), &positions).await?;
            save_positions(&app, tx, &locked).await?;
            Ok(NoContent::no_content())
        })
        .await
}

pub(super) async fn displace(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path((collection_id, product_id)): Path<(CollectionId, ProductId)>,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            topology_share(tx).await?;
            let locked = product_lock(tx, &[product_id]).await?;
            if !product_collection_remove(tx, collection_id, product_id).await? {
                return Err(Fault::not_found("product of the collection"));
            }
            save_positions(&app, tx, &locked).await?;
            Ok(NoContent::no_content())
        })
        .await
}

async fn save_positions(app: &Catalog, tx: &mut TenantTx, ids: &[ProductId]) -> Result<(), Fault> {
    let now = tx.now();
    product_touch(tx, ids, now).await?;
    let products = product_load(tx, ids).await?;
    if products.iter().any(|product| COLLECTIONS_MAX < product.collections.len()) {
        let detail = format!("A product is in at most {COLLECTIONS_MAX} collections.");
        return Err(Fault::invalid("/products", ViolationCode::Count, detail));
    }
    listing_refresh(tx, ids).await?;
    for product in &products {
        tx.publish(product);
    }
    app.lists_changed(tx);
    Ok(())
}
