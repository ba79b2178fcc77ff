//! `PATCH /v1/catalog/product-types/{id}`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ProductTypeId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::attribute::{ProductType, ProductTypePatch};
use crate::error::refused;
use crate::events::tell_product_type;
use crate::store::product_type::{product_type_lock, product_type_write};

/// Changes a product type.
pub async fn update_product_type(
    app: &Catalog,
    call: &RequestContext,
    id: ProductTypeId,
    seen: IfMatch,
    patch: ProductTypePatch,
) -> Result<Reply<ProductType>, Fault> {
    let mut tx = match app.db.begin(call, "product_type_update", &(id, seen.version(), &patch)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let present = product_type_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("product type"))?;
    seen.check(present.version)?;
    let value = present.patched(patch, app.host.now(call.tenant))?;
    product_type_write(&mut tx, call.tenant, &value).await.map_err(refused)?;
    tell_product_type(&mut tx, &app.host, call, &value).await?;
    let version = value.version;
    tx.finish(Reply::ok(value).etag(version)).await
}
