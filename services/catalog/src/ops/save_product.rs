//! The last steps of every change of one product: check, write, refresh its listings, tell.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{ProductId, VariantId};
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;

use crate::Catalog;
use crate::domain::product::Product;
use crate::error::{refused, unknown};
use crate::events::tell_products;
use crate::store::listing::{listing_refresh, topology_share};
use crate::store::product::{product_load, product_lock, product_write};
use crate::store::product_type::product_type_named;

/// The product, locked for a change that saw the version in `If-Match`.
pub async fn take(tx: &mut TenantTx, id: ProductId, seen: IfMatch) -> Result<Product, Fault> {
    let tenant = tx.tenant();
    topology_share(tx, tenant).await?;
    product_lock(tx, &[id]).await?;
    let product = product_load(tx, &[id]).await?.pop().ok_or_else(|| Fault::not_found("product"))?;
    seen.check(product.version)?;
    Ok(product)
}

/// A refusal as the caller sees it who named one variant: fields of that variant stand at the top of their body.
pub fn of_variant(fault: Fault, product: &Product, id: VariantId) -> Fault {
    let Some(index) = product.variants.iter().position(|variant| variant.id == id) else { return fault };
    let above = format!("/variants/{index}");
    if fault.errors.iter().all(|wrong| !wrong.pointer.starts_with(&above)) {
        return fault;
    }
    let told = Fault::new(fault.code, fault.reason.clone(), "The request is not valid; see errors.");
    fault.errors.iter().fold(told, |told, wrong| {
        let pointer = wrong.pointer.strip_prefix(&above).filter(|rest| rest.starts_with('/')).unwrap_or(&wrong.pointer);
        told.at(pointer, wrong.code.clone(), wrong.message.clone())
    })
}

/// Checks and writes a new or changed product.
pub async fn save(app: &Catalog, tx: &mut TenantTx, call: &RequestContext, product: &mut Product) -> Result<(), Fault> {
    product.normalise();
    let product_type = match product.product_type_id {
        None => None,
        Some(id) => {
            let found = product_type_named(tx, &[], &[id.uuid()]).await?.pop();
            Some(found.ok_or_else(|| unknown("product type", "/product_type_id"))?)
        }
    };
    product.validate(product_type.as_ref())?;
    product_write(tx, call.tenant, &[product]).await.map_err(refused)?;
    listing_refresh(tx, &[product.id]).await?;
    tell_products(tx, &app.host, call, &[product]).await
}
