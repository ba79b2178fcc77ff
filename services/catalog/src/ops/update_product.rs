//! `PATCH /v1/catalog/products/{id}`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ProductId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::product::{Product, ProductPatch};
use crate::ops::save_product;

/// Changes a product.
pub async fn update_product(
    app: &Catalog,
    call: &RequestContext,
    id: ProductId,
    seen: IfMatch,
    patch: ProductPatch,
) -> Result<Reply<Product>, Fault> {
    let mut tx = match app.db.begin(call, "product_update", &(id, seen.version(), &patch)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let mut product = save_product::take(&mut tx, id, seen).await?;
    product.patch(patch)?;
    product.touch(app.host.now(call.tenant));
    save_product::save(app, &mut tx, call, &mut product).await?;
    let version = product.version;
    let reply = tx.finish(Reply::ok(product).etag(version)).await?;
    app.freshness.changed(call.tenant);
    Ok(reply)
}
