//! `POST /v1/catalog/collections`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::collection::{Collection, CollectionCreate};
use crate::error::refused;
use crate::events::tell_collection;
use crate::store::collection::collection_write;

/// Creates an empty collection.
pub async fn create_collection(
    app: &Catalog,
    call: &RequestContext,
    input: CollectionCreate,
) -> Result<Reply<Collection, 201>, Fault> {
    let mut tx = match app.db.begin(call, "collection_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let value = Collection::create(app.host.id(call.tenant), input, app.host.now(call.tenant))?;
    collection_write(&mut tx, call.tenant, &value).await.map_err(refused)?;
    tell_collection(&mut tx, &app.host, call, &value).await?;
    let version = value.version;
    tx.finish(Reply::created(value).etag(version)).await
}
