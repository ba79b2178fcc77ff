//! The steps that every change of one product shares: lock it; then check, write, refresh its listings, publish.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{ProductId, VariantId};
use bloom_web::IfMatch;

use super::model::Product;
use super::store::{product_load, product_write};
use crate::Catalog;
use crate::error::unknown;
use crate::listing::{listing_refresh, product_lock, topology_share};
use crate::product_type::product_type_find;

/// The product, locked, if it has the version of `If-Match`.
pub(super) async fn lock(tx: &mut TenantTx, id: ProductId, if_match: IfMatch) -> Result<Product, Fault> {
    topology_share(tx).await?;
    product_lock(tx, &[id]).await?;
    let product = product_load(tx, &[id]).await?.pop().ok_or_else(|| Fault::not_found("product"))?;
    if_match.check(product.version)?;
    Ok(product)
}

/// Checks, writes and publishes a new or changed product.
pub(super) async fn save(app: &Catalog, tx: &mut TenantTx, product: &mut Product) -> Result<(), Fault> {
    product.normalise();
    let product_type = match product.product_type_id {
        None => None,
        Some(id) => {
            let found = product_type_find(tx, &[], &[id.uuid()]).await?.pop();
            Some(found.ok_or_else(|| unknown("product type", "/product_type_id"))?)
        }
    };
    product.validate(product_type.as_ref())?;
    product_write(tx, &[product]).await?;
    listing_refresh(tx, &[product.id]).await?;
    tx.publish(product);
    app.lists_changed(tx);
    Ok(())
}

/// A refusal of [`save`] for a request whose body is one variant: pointers to fields of that variant become relative to it.
pub(super) fn relative_to_variant(fault: Fault, product: &Product, id: VariantId) -> Fault {
    let Some(index) = product.variants.iter().position(|variant| variant.id == id) else { return fault };
    let prefix = format!("/variants/{index}");
    if fault.errors.iter().all(|error| !error.pointer.starts_with(&prefix)) {
        return fault;
    }
    let relative = Fault::new(fault.code, fault.reason.clone(), "The request is not valid; see errors.");
    fault.errors.iter().fold(relative, |relative, error| {
        let pointer = error.pointer.strip_prefix(&prefix).filter(|rest| rest.starts_with('/')).unwrap_or(&error.pointer);
        relative.at(pointer, error.code.clone(), error.message.clone())
    })
}
