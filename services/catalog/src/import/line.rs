//! One line of an import: a product with variants, prices and stock, identified by the merchant's own ids.

use std::collections::BTreeMap;

use bloom_fault::{Fault, Violation};
use bloom_kernel::{CategoryId, ChannelId, MetadataPatch, Money, ProductId, ProductTypeId, TaxClassId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::category::{DEPTH_MAX, check_name};
use crate::merge_patch::{set, unique_if_any};
use crate::product::{
    CATEGORIES_MAX, CHANNELS_MAX, EXTERNAL_ID_MAX, Media, Product, ProductCreate, ProductOption, ProductStatus, Variant,
    VariantCreate, VariantUpdate, carried_over, check_keys,
};
use crate::product_type::Attributes;
use crate::validator::Validator;

/// Most prices, and most stock rows, of one variant in a line.
pub(crate) const ROWS_MAX: usize = 50;
/// Longest code of a location.
const LOCATION_CODE_MAX: usize = 64;
/// Largest amount and largest stock.
pub(crate) const NUMBER_MAX: i64 = 1_000_000_000_000;

/// A product to create or to change. Fields that are absent stay as they are; a new product needs a title and a variant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportLine {
    /// Id in the merchant's own systems, same form as a SKU; the product is found by it, or else by the SKUs of its variants.
    #[serde(default)]
    pub(crate) external_id: Option<String>,
    /// Code of the product type.
    #[serde(default)]
    pub(crate) product_type: Option<String>,
    /// Title for shoppers.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Description for shoppers.
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// A new product is active when absent.
    #[serde(default)]
    pub(crate) status: Option<ProductStatus>,
    /// Whether it is shipped.
    #[serde(default)]
    pub(crate) requires_shipping: Option<bool>,
    /// Options in which its variants differ.
    #[serde(default)]
    pub(crate) options: Option<Vec<ProductOption>>,
    /// Attribute values by code.
    #[serde(default, deserialize_with = "unique_if_any")]
    pub(crate) attributes: Option<Attributes>,
    /// Paths of names, for example `Brakes/Discs`; categories that do not exist are created.
    #[serde(default)]
    pub(crate) categories: Option<Vec<String>>,
    /// Codes of channels; a new product is published in the default channel when absent.
    #[serde(default)]
    pub(crate) channels: Option<Vec<String>>,
    /// Pictures, videos and documents.
    #[serde(default)]
    pub(crate) media: Option<Vec<Media>>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
    /// Variants, found by SKU or else by external id; others of the product stay as they are.
    #[serde(default)]
    pub(crate) variants: Vec<ImportVariant>,
}

/// A variant of a line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportVariant {
    /// Stock-keeping unit: no whitespace at its ends, no invisible or control characters, in Unicode's form NFC.
    pub(crate) sku: String,
    /// Id in the merchant's own systems, same form as a SKU.
    #[serde(default)]
    pub(crate) external_id: Option<String>,
    /// GTIN, EAN, UPC or similar, same form as a SKU.
    #[serde(default)]
    pub(crate) barcode: Option<String>,
    /// One value for each option of the product.
    #[serde(default, deserialize_with = "unique_if_any")]
    pub(crate) options: Option<BTreeMap<String, String>>,
    /// Weight with packaging.
    #[serde(default)]
    pub(crate) weight_grams: Option<i64>,
    /// Tax class.
    #[serde(default)]
    pub(crate) tax_class_id: Option<TaxClassId>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
    /// Prices of one unit, at most one for each currency, for the tenant's base price lists.
    #[serde(default)]
    pub(crate) prices: Vec<Money>,
    /// Units on hand, at most one row for each location.
    #[serde(default)]
    pub(crate) stock: Vec<ImportStock>,
}

/// Units on hand at a location.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportStock {
    /// Code of the location, for example `BLR-1`.
    pub(crate) location: String,
    /// Units on hand.
    pub(crate) on_hand: i64,
}

/// A line with its number, from 1.
pub(crate) struct NumberedLine {
    pub(crate) nr: i64,
    pub(crate) line: ImportLine,
}

/// The ids that the names of a line refer to.
pub(crate) struct Resolved {
    pub(crate) product_type_id: Option<ProductTypeId>,
    pub(crate) category_ids: Option<Vec<CategoryId>>,
    pub(crate) channel_ids: Option<Vec<ChannelId>>,
}

impl ImportLine {
    /// Reads a line as strictly as a request body.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Violation> {
        bloom_web::parse(line).map_err(|fault| {
            let first = fault.errors.first().cloned();
            let whole = || Violation { pointer: String::new(), code: fault.reason.to_string(), message: fault.detail.clone() };
            first.unwrap_or_else(whole)
        })
    }

    /// Checks identifiers, before anything is looked up by them.
    pub(crate) fn check_identifiers(&self) -> Result<(), Vec<Violation>> {
        let mut validator = Validator::default();
        if let Some(id) = &self.external_id {
            validator.key("/external_id", id, EXTERNAL_ID_MAX);
        }
        for (index, variant) in self.variants.iter().enumerate() {
            let (barcode, external_id) = (variant.barcode.as_deref(), variant.external_id.as_deref());
            check_keys(&format!("/variants/{index}"), &variant.sku, barcode, external_id, &mut validator);
        }
        let violations = validator.into_violations();
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Checks what needs nothing but the line.
    pub(crate) fn check(&self, validator: &mut Validator) {
        let categories = self.categories.as_deref().unwrap_or_default();
        validator.count("/categories", categories.len(), CATEGORIES_MAX);
        for (index, path) in categories.iter().enumerate() {
            let at = format!("/categories/{index}");
            let names: Vec<&str> = path.split('/').collect();
            validator.count(&at, names.len(), DEPTH_MAX);
            for name in names.into_iter().take(DEPTH_MAX) {
                check_name(&at, name, validator);
            }
        }
        validator.count("/channels", self.channels.as_ref().map_or(0, Vec::len), CHANNELS_MAX);
        for (index, variant) in self.variants.iter().enumerate() {
            variant.check(&format!("/variants/{index}"), validator);
            if self.variants[..index].iter().any(|other| other.sku == variant.sku) {
                validator.fail(format!("/variants/{index}/sku"), "duplicate", "Two variants of the line have this SKU.");
            }
        }
    }

    /// The line as a new product, not yet validated.
    pub(crate) fn create(
        &self,
        id: ProductId,
        now: Timestamp,
        names: Resolved,
        default_channels: Vec<ChannelId>,
        variant_id: impl FnMut() -> VariantId,
    ) -> Result<Product, Fault> {
        let title = self.title.clone().ok_or_else(|| Fault::invalid("/title", "required", "A new product needs a title."))?;
        let mut product = Product::new(
            id,
            now,
            ProductCreate {
                title,
                product_type_id: names.product_type_id,
                external_id: self.external_id.clone(),
                description: self.description.clone().unwrap_or_default(),
                status: self.status.unwrap_or(ProductStatus::Active),
                requires_shipping: self.requires_shipping.unwrap_or(true),
                options: self.options.clone().unwrap_or_default(),
                attributes: self.attributes.clone().unwrap_or_default(),
                category_ids: names.category_ids.unwrap_or_default(),
                channel_ids: names.channel_ids,
                media: self.media.clone().unwrap_or_default(),
                metadata: bloom_kernel::Metadata::default(),
                variants: self.variants.iter().map(ImportVariant::create).collect(),
            },
            default_channels,
            variant_id,
        );
        product.metadata.merge(self.metadata.clone().unwrap_or_default())?;
        for (variant, line) in product.variants.iter_mut().zip(&self.variants) {
            variant.metadata.merge(line.metadata.clone().unwrap_or_default())?;
        }
        Ok(product)
    }

    /// Merges the line into an existing product, not yet validated; the version stays.
    pub(crate) fn merge(
        &self,
        product: &mut Product,
        now: Timestamp,
        names: Resolved,
        mut variant_id: impl FnMut() -> VariantId,
    ) -> Result<(), Fault> {
        set(&mut product.external_id, self.external_id.clone().map(Some));
        set(&mut product.product_type_id, names.product_type_id.map(Some));
        set(&mut product.title, self.title.clone());
        set(&mut product.description, self.description.clone());
        set(&mut product.status, self.status);
        set(&mut product.requires_shipping, self.requires_shipping);
        if let Some(options) = &self.options {
            for variant in product.variants.iter_mut().filter(|variant| variant.is_active()) {
                variant.options = carried_over(&product.options, options, &variant.options);
            }
            product.options.clone_from(options);
        }
        set(&mut product.attributes, self.attributes.clone());
        set(&mut product.category_ids, names.category_ids);
        set(&mut product.channel_ids, names.channel_ids);
        set(&mut product.media, self.media.clone());
        product.metadata.merge(self.metadata.clone().unwrap_or_default())?;
        for line in &self.variants {
            if let Some(index) = line.find(product) {
                product.variants[index].update(now, line.update())?;
                continue;
            }
            let mut variant = Variant::new(variant_id(), now, product.id, product.next_position(), line.create());
            variant.metadata.merge(line.metadata.clone().unwrap_or_default())?;
            product.variants.push(variant);
        }
        Ok(())
    }
}

impl ImportVariant {
    /// Whether a location can have this code.
    pub(crate) fn is_location_code(code: &str) -> bool {
        let mut validator = Validator::default();
        validator.text("", code, 1, LOCATION_CODE_MAX);
        validator.into_violations().is_empty()
    }

    fn check(&self, at: &str, validator: &mut Validator) {
        validator.count(&format!("{at}/prices"), self.prices.len(), ROWS_MAX);
        validator.count(&format!("{at}/stock"), self.stock.len(), ROWS_MAX);
        for (index, price) in self.prices.iter().enumerate().take(ROWS_MAX) {
            let at = format!("{at}/prices/{index}");
            validator.range(&format!("{at}/amount"), price.amount(), 0, NUMBER_MAX);
            if self.prices[..index].iter().any(|other| other.currency() == price.currency()) {
                validator.fail(format!("{at}/currency"), "duplicate", "Two prices of the variant are in this currency.");
            }
        }
        for (index, stock) in self.stock.iter().enumerate().take(ROWS_MAX) {
            let at = format!("{at}/stock/{index}");
            validator.text(&format!("{at}/location"), &stock.location, 1, LOCATION_CODE_MAX);
            validator.range(&format!("{at}/on_hand"), stock.on_hand, 0, NUMBER_MAX);
            if self.stock[..index].iter().any(|other| other.location == stock.location) {
                validator.fail(format!("{at}/location"), "duplicate", "Two stock rows of the variant are for this location.");
            }
        }
    }

    /// The active variant of the product that the line identifies.
    fn find(&self, product: &Product) -> Option<usize> {
        let active =
            |found: &dyn Fn(&Variant) -> bool| product.variants.iter().position(|variant| variant.is_active() && found(variant));
        active(&|variant| variant.sku == self.sku)
            .or_else(|| active(&|variant| self.external_id.is_some() && variant.external_id == self.external_id))
    }

    fn create(&self) -> VariantCreate {
        VariantCreate {
            sku: self.sku.clone(),
            barcode: self.barcode.clone(),
            external_id: self.external_id.clone(),
            options: self.options.clone().unwrap_or_default(),
            weight_grams: self.weight_grams.unwrap_or_default(),
            tax_class_id: self.tax_class_id,
            metadata: bloom_kernel::Metadata::default(),
        }
    }

    fn update(&self) -> VariantUpdate {
        VariantUpdate {
            sku: Some(self.sku.clone()),
            barcode: self.barcode.clone().map(Some),
            external_id: self.external_id.clone().map(Some),
            options: self.options.clone(),
            weight_grams: self.weight_grams,
            tax_class_id: self.tax_class_id.map(Some),
            position: None,
            metadata: self.metadata.clone(),
        }
    }
}
