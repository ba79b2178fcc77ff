//! `/v1/catalog/collections`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::CollectionId;
use bloom_web::{Body, Caller, Created, IfMatch, List, NoContent, NoFilter, Page, Path, Reply, Routes};

use super::model::{Collection, CollectionCreate, CollectionUpdate};
use super::place::{displace, place};
use super::store::{collection_delete, collection_get, collection_list, collection_lock, collection_write};
use crate::keyset::After;
use crate::{Catalog, CatalogRead, CatalogWrite};

pub(crate) fn routes() -> Routes<Catalog> {
    Routes::new("/v1/catalog/collections")
        .post("collection_create", "Create a collection", create)
        .get("collection_list", "List collections", list)
        .at("/{collection_id}")
        .get("collection_get", "Get a collection", get)
        .patch("collection_update", "Update a collection", update)
        .delete("collection_delete", "Delete an empty collection", delete)
        .at("/{collection_id}/products")
        .put("collection_place", "Add products to a collection, or reorder them", place)
        .at("/{collection_id}/products/{product_id}")
        .delete("collection_displace", "Remove a product from a collection", displace)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Body(input): Body<CollectionCreate>,
) -> Result<Created<Collection>, Fault> {
    app.db
        .idempotent(caller.operation("collection_create", &input), async |tx| {
            let collection = Collection::new(tx.new_id(), tx.now(), input);
            collection_write(tx, &collection).await?;
            tx.publish(&collection);
            Ok(collection)
        })
        .await
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Collection>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = collection_list(&mut conn, After::new(caller.tenant, page.after::<CollectionId>()?), page.rows()).await?;
    Ok(page.finish(rows.into_iter().map(|(_, collection)| collection).collect(), |collection| collection.id))
}

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<CollectionId>,
) -> Result<Reply<Collection>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let collection = collection_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(collection.into())
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CollectionId>,
    if_match: IfMatch,
    Body(input): Body<CollectionUpdate>,
) -> Result<Reply<Collection>, Fault> {
    app.db
        .idempotent(caller.operation("collection_update", &(id, if_match.version(), &input)), async |tx| {
            let mut collection = collection_lock(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(collection.version)?;
            collection.update(tx.now(), input)?;
            collection_write(tx, &collection).await?;
            tx.publish(&collection);
            Ok(collection)
        })
        .await
}

async fn delete(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CollectionId>,
    if_match: IfMatch,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            let last = collection_lock(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(last.version)?;
            collection_delete(tx, id).await?;
            tx.publish_deleted(&last);
            Ok(NoContent::no_content())
        })
        .await
}

fn not_found() -> Fault {
    Fault::not_found("collection")
}
