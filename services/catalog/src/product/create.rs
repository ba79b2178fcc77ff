//! `POST /v1/catalog/products`: a product with its variants.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, TaxClassId, ViolationCode};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Created};

use super::model::{Product, ProductCreate};
use super::save::save;
use super::store::{product_find, product_load};
use super::variant::Variant;
use crate::clients::check_tax_classes;
use crate::listing::topology_share;
use crate::values::{ExternalId, Sku};
use crate::{Catalog, CatalogWrite};

pub(super) async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Body(input): Body<ProductCreate>,
) -> Result<Created<Product>, Fault> {
    let (tax_classes, names_channels) = (tax_classes(&input), input.channel_ids.is_some());
    let identifiers = Identifiers::of(&input);
    let created = app
        .db
        .idempotent_after(
            caller.operation("product_create", &input),
            async || {
                check_tax_classes(&app, &caller, &tax_classes).await?;
                // A tenant without a channel may create products.
                let default = if names_channels { None } else { app.channels.default_id(caller.tenant).await? };
                Ok(default.into_iter().collect::<Vec<ChannelId>>())
            },
            async |tx, default_channels| {
                let mut product = Product::new(tx.new_id(), tx.now(), input, default_channels, || tx.new_id());
                topology_share(tx).await?;
                save(&app, tx, &mut product).await?;
                Ok(product)
            },
        )
        .await;
    match created {
        Err(fault) => Err(identifiers.with_pointer(&app, &caller, fault).await?),
        created => created,
    }
}

fn tax_classes(input: &ProductCreate) -> Vec<(String, TaxClassId)> {
    let variants = input.variants.iter().enumerate();
    variants.filter_map(|(index, variant)| Some((format!("/variants/{index}/tax_class_id"), variant.tax_class_id?))).collect()
}

/// The identifiers that a request gives to the product and its variants.
struct Identifiers {
    external_id: Option<ExternalId>,
    variants: Vec<(Sku, Option<ExternalId>)>,
}

impl Identifiers {
    fn of(input: &ProductCreate) -> Self {
        let variants = input.variants.iter().map(|variant| (variant.sku.clone(), variant.external_id.clone()));
        Self { external_id: input.external_id.clone(), variants: variants.collect() }
    }

    /// The database reports that a SKU or an external id is taken, but not for which new variant; this finds the variant.
    async fn with_pointer(self, app: &Catalog, context: &RequestContext, fault: Fault) -> Result<Fault, Fault> {
        let is_sku = fault.reason == "sku_taken";
        let is_external_id = fault.reason == "external_id_taken" && self.external_id.is_none();
        if !(is_sku || is_external_id) {
            return Ok(fault);
        }
        let identifier = |sku: &Sku, external_id: &Option<ExternalId>| {
            if is_sku { Some(sku.to_string()) } else { external_id.as_ref().map(ToString::to_string) }
        };
        let own = |(sku, external_id): &(Sku, Option<ExternalId>)| identifier(sku, external_id);
        let other = |variant: &Variant| identifier(&variant.sku, &variant.external_id);
        let all: Vec<String> = self.variants.iter().filter_map(own).collect();
        let (skus, external_ids) = if is_sku { (all.as_slice(), [].as_slice()) } else { ([].as_slice(), all.as_slice()) };
        let mut conn = app.db.read(context.tenant).await?;
        let owners = product_find(&mut conn, &[], skus, external_ids).await?;
        let owners = product_load(&mut conn, &owners).await?;
        let taken: Vec<String> = owners.iter().flat_map(|owner| &owner.variants).filter_map(other).collect();
        let is_taken = |variant| own(variant).is_some_and(|identifier| taken.contains(&identifier));
        let Some(index) = self.variants.iter().position(is_taken) else { return Ok(fault) };
        let field = if is_sku { "sku" } else { "external_id" };
        let relative = Fault::new(fault.code, fault.reason.clone(), fault.detail.clone());
        Ok(relative.at(format!("/variants/{index}/{field}"), ViolationCode::Taken, fault.detail.clone()))
    }
}
