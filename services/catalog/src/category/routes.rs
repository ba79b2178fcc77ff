//! `/v1/catalog/categories`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::CategoryId;
use bloom_web::{Body, Caller, Created, IfMatch, List, NoContent, Page, Path, Reply, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Category, CategoryCreate, CategoryUpdate};
use super::store::{category_delete, category_get, category_insert, category_list, category_update};
use crate::error::{category_in_use, unknown};
use crate::keyset::After;
use crate::listing::{Scope, refresh_scope, topology_change};
use crate::{Catalog, CatalogRead, CatalogWrite};

pub(crate) fn routes() -> Routes<Catalog> {
    Routes::new("/v1/catalog/categories")
        .post("category_create", "Create a category", create)
        .get("category_list", "List categories", list)
        .at("/{category_id}")
        .get("category_get", "Get a category", get)
        .patch("category_update", "Update a category, or move it with its subtree", update)
        .delete("category_delete", "Delete an empty category", delete)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Body(input): Body<CategoryCreate>,
) -> Result<Created<Category>, Fault> {
    app.db
        .idempotent(caller.operation("category_create", &input), async |tx| {
            let category = Category::new(tx.new_id(), tx.now(), input);
            topology_change(tx).await?;
            if !category_insert(tx, &category).await? {
                return Err(unknown("category", "/parent_id"));
            }
            tx.publish(&category);
            Ok(category)
        })
        .await
}

/// Filter of the category list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CategoryFilter {
    /// Only the categories directly below this one.
    #[serde(default)]
    parent: Option<CategoryId>,
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    List(page): List<CategoryFilter>,
) -> Result<Reply<Page<Category>>, Fault> {
    let after = After::new(caller.tenant, page.after::<CategoryId>()?);
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = category_list(&mut conn, page.filter.parent, after, page.rows()).await?;
    Ok(page.finish(rows.into_iter().map(|(_, category)| category).collect(), |category| category.id))
}

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<CategoryId>,
) -> Result<Reply<Category>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let category = category_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(category.into())
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CategoryId>,
    if_match: IfMatch,
    Body(input): Body<CategoryUpdate>,
) -> Result<Reply<Category>, Fault> {
    app.db
        .idempotent(caller.operation("category_update", &(id, if_match.version(), &input)), async |tx| {
            topology_change(tx).await?;
            let mut category = category_get(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(category.version)?;
            let parent_before = category.parent_id;
            category.update(tx.now(), input)?;
            if !category_update(tx, &category).await? {
                return Err(unknown("category", "/parent_id"));
            }
            if category.parent_id != parent_before {
                refresh_scope(tx, Scope::Category(id)).await?;
            }
            tx.publish(&category);
            app.lists_changed(tx);
            Ok(category)
        })
        .await
}

async fn delete(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<CategoryId>,
    if_match: IfMatch,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            topology_change(tx).await?;
            let last = category_get(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(last.version)?;
            category_delete(tx, id).await.map_err(category_in_use)?;
            tx.publish_deleted(&last);
            Ok(NoContent::no_content())
        })
        .await
}

fn not_found() -> Fault {
    Fault::not_found("category")
}
