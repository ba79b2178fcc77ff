//! `/v1/catalog/collections`

use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with, post_with, put_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{CollectionId, ProductId};
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use bloom_web::{page::Page, page::PageQuery};

use super::{CatalogRead, CatalogWrite};
use crate::Catalog;
use crate::domain::collection::{Collection, CollectionCreate, CollectionPatch, Placements};
use crate::ops::{create_collection, delete_collection, place_products, update_collection};
use crate::store::After;
use crate::store::collection::{collection_get, collection_list};

pub(super) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/collections",
            post_with(create, doc("collection_create", "Create a collection"))
                .get_with(list, doc("collection_list", "List collections")),
        )
        .api_route(
            "/v1/catalog/collections/{id}",
            get_with(fetch, doc("collection_get", "Get a collection"))
                .patch_with(update, doc("collection_update", "Update a collection"))
                .delete_with(remove, doc("collection_delete", "Delete an empty collection")),
        )
        .api_route(
            "/v1/catalog/collections/{id}/products",
            put_with(place, doc("collection_place", "Add products to a collection, or reorder them")),
        )
        .api_route(
            "/v1/catalog/collections/{id}/products/{product_id}",
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
    create_collection::create_collection(&app, &caller, input).await
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CollectionId>,
    seen: IfMatch,
    Json(patch): Json<CollectionPatch>,
) -> Result<Reply<Collection>, Fault> {
    update_collection::update_collection(&app, &caller, id, seen, patch).await
}

async fn fetch(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<CollectionId>,
) -> Result<Reply<Collection>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let collection = collection_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("collection"))?;
    let version = collection.version;
    Ok(Reply::ok(collection).etag(version))
}

async fn remove(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CollectionId>,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    delete_collection::delete_collection(&app, &caller, id, seen).await
}

async fn place(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CollectionId>,
    Json(input): Json<Placements>,
) -> Result<Reply<Empty, 204>, Fault> {
    place_products::place_products(&app, &caller, id, input).await
}

async fn displace(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path((id, product)): Path<(CollectionId, ProductId)>,
) -> Result<Reply<Empty, 204>, Fault> {
    place_products::displace_product(&app, &caller, id, product).await
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
