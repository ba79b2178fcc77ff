//! `POST /v1/catalog/product-types`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::attribute::{ProductType, ProductTypeCreate};
use crate::error::refused;
use crate::events::tell_product_type;
use crate::store::product_type::product_type_write;

/// Creates a product type.
pub async fn create_product_type(
    app: &Catalog,
    call: &RequestContext,
    input: ProductTypeCreate,
) -> Result<Reply<ProductType, 201>, Fault> {
    let mut tx = match app.db.begin(call, "product_type_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(call.tenant);
    let value = ProductType {
        id: app.host.id(call.tenant),
        code: input.code,
        name: input.name,
        attributes: input.attributes,
        metadata: input.metadata,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    value.validate()?;
    product_type_write(&mut tx, call.tenant, &value).await.map_err(refused)?;
    tell_product_type(&mut tx, &app.host, call, &value).await?;
    let version = value.version;
    tx.finish(Reply::created(value).etag(version)).await
}
