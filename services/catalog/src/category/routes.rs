//! `/v1/catalog/categories`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::{CategoryId, Limit};
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::{Category, CategoryCreate, CategoryUpdate};
use super::publish::{publish_categories, publish_deleted};
use super::store::{category_delete, category_get, category_insert, category_list, category_update};
use crate::Catalog;
use crate::error::{refused, unknown};
use crate::keyset::After;
use crate::listing::{Scope, refresh_scope, topology_change};
use crate::permissions::{CatalogRead, CatalogWrite};

pub(crate) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/categories",
            post_with(create, doc("category_create", "Create a category"))
                .get_with(list, doc("category_list", "List categories")),
        )
        .api_route(
            "/v1/catalog/categories/{category_id}",
            get_with(get, doc("category_get", "Get a category"))
                .patch_with(update, doc("category_update", "Update a category, or move it with its subtree"))
                .delete_with(delete, doc("category_delete", "Delete an empty category")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Json(input): Json<CategoryCreate>,
) -> Result<Reply<Category, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "category_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let category = Category::new(app.host.id(caller.tenant), app.host.now(caller.tenant), input)?;
    topology_change(&mut tx, caller.tenant).await?;
    if !category_insert(&mut tx, caller.tenant, &category).await.map_err(refused)? {
        return Err(unknown("category", "/parent_id"));
    }
    publish_categories(&mut tx, &app.host, &caller, std::slice::from_ref(&category)).await?;
    let version = category.version;
    tx.finish(Reply::created(category).etag(version)).await
}

/// Query parameters of the category list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CategoryQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Only the categories directly below this one.
    #[serde(default)]
    parent: Option<CategoryId>,
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Query(query): Query<CategoryQuery>,
) -> Result<Reply<Page<Category>>, Fault> {
    let filter = format!("categories:{:?}", query.parent);
    let after: Option<CategoryId> = app.cursors.position(caller.tenant, filter.as_bytes(), query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = category_list(&mut conn, query.parent, After::new(caller.tenant, after), query.limit.get() + 1).await?;
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), query.limit, rows, |row| row.id)))
}

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<CategoryId>,
) -> Result<Reply<Category>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let category = category_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("category"))?;
    let version = category.version;
    Ok(Reply::ok(category).etag(version))
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CategoryId>,
    if_match: IfMatch,
    Json(input): Json<CategoryUpdate>,
) -> Result<Reply<Category>, Fault> {
    let mut tx = match app.db.begin(&caller, "category_update", &(id, if_match.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    topology_change(&mut tx, caller.tenant).await?;
    let mut category = category_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("category"))?;
    if_match.check(category.version)?;
    let parent_before = category.parent_id;
    category.update(app.host.now(caller.tenant), input)?;
    if !category_update(&mut tx, &category).await.map_err(refused)? {
        return Err(unknown("category", "/parent_id"));
    }
    if category.parent_id != parent_before {
        refresh_scope(&mut tx, &app.host, Scope::Category(id)).await?;
    }
    publish_categories(&mut tx, &app.host, &caller, std::slice::from_ref(&category)).await?;
    let version = category.version;
    let reply = tx.finish(Reply::ok(category).etag(version)).await?;
    app.list_etags.invalidate(caller.tenant);
    Ok(reply)
}

async fn delete(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CategoryId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(&caller).await?;
    topology_change(&mut tx, caller.tenant).await?;
    let last = category_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("category"))?;
    if_match.check(last.version)?;
    category_delete(&mut tx, id).await.map_err(refused)?;
    publish_deleted(&mut tx, &app.host, &caller, &last).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}
