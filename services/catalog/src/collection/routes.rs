//! `/v1/catalog/collections`

use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with, post_with, put_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::CollectionId;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use bloom_web::{page::Page, page::PageQuery};

use super::model::{Collection, CollectionCreate, CollectionUpdate};
use super::place::{displace, place};
use super::publish::{publish_collection, publish_deleted};
use super::store::{collection_delete, collection_get, collection_list, collection_lock, collection_write};
use crate::Catalog;
use crate::error::refused;
use crate::keyset::After;
use crate::permissions::{CatalogRead, CatalogWrite};

pub(crate) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/collections",
            post_with(create, doc("collection_create", "Create a collection"))
                .get_with(list, doc("collection_list", "List collections")),
        )
        .api_route(
            "/v1/catalog/collections/{collection_id}",
            get_with(get, doc("collection_get", "Get a collection"))
                .patch_with(update, doc("collection_update", "Update a collection"))
                .delete_with(delete, doc("collection_delete", "Delete an empty collection")),
        )
        .api_route(
            "/v1/catalog/collections/{collection_id}/products",
            put_with(place, doc("collection_place", "Add products to a collection, or reorder them")),
        )
        .api_route(
            "/v1/catalog/collections/{collection_id}/products/{product_id}",
            delete_with(displace, doc("collection_displace", "Remove a product from a collection")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Json(input): Json<CollectionCreate>,
) -> Result<Reply<Collection, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "collection_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let collection = Collection::new(app.host.id(caller.tenant), app.host.now(caller.tenant), input)?;
    collection_write(&mut tx, caller.tenant, &collection).await.map_err(refused)?;
    publish_collection(&mut tx, &app.host, &caller, &collection).await?;
    let version = collection.version;
    tx.finish(Reply::created(collection).etag(version)).await
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Collection>>, Fault> {
    let after: Option<CollectionId> = app.cursors.position(caller.tenant, b"collections", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = collection_list(&mut conn, After::new(caller.tenant, after), query.limit.get() + 1).await?;
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"collections", query.limit, rows, |row| row.id)))
}

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<CollectionId>,
) -> Result<Reply<Collection>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let collection = collection_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("collection"))?;
    let version = collection.version;
    Ok(Reply::ok(collection).etag(version))
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CollectionId>,
    if_match: IfMatch,
    Json(input): Json<CollectionUpdate>,
) -> Result<Reply<Collection>, Fault> {
    let mut tx = match app.db.begin(&caller, "collection_update", &(id, if_match.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut collection = collection_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("collection"))?;
    if_match.check(collection.version)?;
    collection.update(app.host.now(caller.tenant), input)?;
    collection_write(&mut tx, caller.tenant, &collection).await.map_err(refused)?;
    publish_collection(&mut tx, &app.host, &caller, &collection).await?;
    let version = collection.version;
    tx.finish(Reply::ok(collection).etag(version)).await
}

async fn delete(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CollectionId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(&caller).await?;
    let last = collection_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("collection"))?;
    if_match.check(last.version)?;
    collection_delete(&mut tx, id).await.map_err(refused)?;
    publish_deleted(&mut tx, &app.host, &caller, &last).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}
