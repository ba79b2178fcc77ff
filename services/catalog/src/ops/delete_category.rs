//! `DELETE /v1/catalog/categories/{id}`

use bloom_fault::Fault;
use bloom_kernel::CategoryId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::{Empty, Reply};

use crate::Catalog;
use crate::error::refused;
use crate::events::tell_category_gone;
use crate::store::category::{category_delete, category_get};
use crate::store::listing::topology_change;

/// Deletes a category with neither products nor categories below it.
pub async fn delete_category(
    app: &Catalog,
    call: &RequestContext,
    id: CategoryId,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    topology_change(&mut tx, call.tenant).await?;
    let last = category_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("category"))?;
    seen.check(last.version)?;
    category_delete(&mut tx, id).await.map_err(refused)?;
    tell_category_gone(&mut tx, &app.host, call, &last).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}
