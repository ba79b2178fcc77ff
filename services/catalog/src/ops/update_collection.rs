//! `PATCH /v1/catalog/collections/{id}`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::CollectionId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::collection::{Collection, CollectionPatch};
use crate::error::refused;
use crate::events::tell_collection;
use crate::store::collection::{collection_lock, collection_write};

/// Changes what a collection says about itself.
pub async fn update_collection(
    app: &Catalog,
    call: &RequestContext,
    id: CollectionId,
    seen: IfMatch,
    patch: CollectionPatch,
) -> Result<Reply<Collection>, Fault> {
    let mut tx = match app.db.begin(call, "collection_update", &(id, seen.version(), &patch)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let present = collection_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("collection"))?;
    seen.check(present.version)?;
    let value = present.patched(patch, app.host.now(call.tenant))?;
    collection_write(&mut tx, call.tenant, &value).await.map_err(refused)?;
    tell_collection(&mut tx, &app.host, call, &value).await?;
    let version = value.version;
    tx.finish(Reply::ok(value).etag(version)).await
}
