//! `/v1/catalog/categories`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{CategoryId, Limit};
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CatalogRead, CatalogWrite};
use crate::Catalog;
use crate::domain::category::{Category, CategoryCreate, CategoryPatch};
use crate::ops::{create_category, delete_category, update_category};
use crate::store::After;
use crate::store::category::{category_get, category_list};

pub(super) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/categories",
            post_with(create, doc("category_create", "Create a category"))
                .get_with(list, doc("category_list", "List categories")),
        )
        .api_route(
            "/v1/catalog/categories/{id}",
            get_with(fetch, doc("category_get", "Get a category"))
                .patch_with(update, doc("category_update", "Update a category, or move it with its subtree"))
                .delete_with(remove, doc("category_delete", "Delete an empty category")),
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
    create_category::create_category(&app, &caller, input).await
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CategoryId>,
    seen: IfMatch,
    Json(patch): Json<CategoryPatch>,
) -> Result<Reply<Category>, Fault> {
    update_category::update_category(&app, &caller, id, seen, patch).await
}

async fn fetch(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<CategoryId>,
) -> Result<Reply<Category>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let category = category_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("category"))?;
    let version = category.version;
    Ok(Reply::ok(category).etag(version))
}

async fn remove(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CategoryId>,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    delete_category::delete_category(&app, &caller, id, seen).await
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
