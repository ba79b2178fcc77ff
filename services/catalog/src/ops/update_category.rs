//! `PATCH /v1/catalog/categories/{id}`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::CategoryId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::category::{Category, CategoryPatch};
use crate::error::{refused, unknown};
use crate::events::tell_categories;
use crate::ops::refresh_scope::{Scope, refresh_scope};
use crate::store::category::{category_get, category_update};
use crate::store::listing::topology_change;

/// Changes a category; a new parent moves it with everything below it, and the listings of all products there follow.
pub async fn update_category(
    app: &Catalog,
    call: &RequestContext,
    id: CategoryId,
    seen: IfMatch,
    patch: CategoryPatch,
) -> Result<Reply<Category>, Fault> {
    let mut tx = match app.db.begin(call, "category_update", &(id, seen.version(), &patch)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    topology_change(&mut tx, call.tenant).await?;
    let present = category_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("category"))?;
    seen.check(present.version)?;
    let parent = present.parent_id;
    let category = present.patched(patch, app.host.now(call.tenant))?;
    if !category_update(&mut tx, &category).await.map_err(refused)? {
        return Err(unknown("category", "/parent_id"));
    }
    if category.parent_id != parent {
        refresh_scope(&mut tx, &app.host, Scope::Category(id)).await?;
    }
    tell_categories(&mut tx, &app.host, call, std::slice::from_ref(&category)).await?;
    let version = category.version;
    let reply = tx.finish(Reply::ok(category).etag(version)).await?;
    app.freshness.changed(call.tenant);
    Ok(reply)
}
