//! `DELETE /v1/catalog/collections/{id}`

use bloom_fault::Fault;
use bloom_kernel::CollectionId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::{Empty, Reply};

use crate::Catalog;
use crate::error::refused;
use crate::events::tell_collection_gone;
use crate::store::collection::{collection_delete, collection_lock};

/// Deletes a collection that holds no products.
pub async fn delete_collection(
    app: &Catalog,
    call: &RequestContext,
    id: CollectionId,
    seen: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    let last = collection_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("collection"))?;
    seen.check(last.version)?;
    collection_delete(&mut tx, id).await.map_err(refused)?;
    tell_collection_gone(&mut tx, &app.host, call, &last).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}
