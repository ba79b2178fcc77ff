//! `POST /v1/catalog/categories`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::category::{Category, CategoryCreate};
use crate::error::{refused, unknown};
use crate::events::tell_categories;
use crate::store::category::category_insert;
use crate::store::listing::topology_change;

/// Creates a category.
pub async fn create_category(app: &Catalog, call: &RequestContext, input: CategoryCreate) -> Result<Reply<Category, 201>, Fault> {
    let mut tx = match app.db.begin(call, "category_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let category = Category::create(app.host.id(call.tenant), input, app.host.now(call.tenant))?;
    topology_change(&mut tx, call.tenant).await?;
    if !category_insert(&mut tx, call.tenant, &category).await.map_err(refused)? {
        return Err(unknown("category", "/parent_id"));
    }
    tell_categories(&mut tx, &app.host, call, std::slice::from_ref(&category)).await?;
    let version = category.version;
    tx.finish(Reply::created(category).etag(version)).await
}
