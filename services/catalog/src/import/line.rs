//! One line of an import: a product with variants, prices and stock, identified by the merchant's own ids.

use bloom_fault::{Fault, Violation};
use bloom_kernel::{
    CategoryId, ChannelId, Code, Items, Metadata, MetadataPatch, Money, Patch, ProductId, ProductTypeId, TaxClassId, Timestamp,
    UniqueMap, VariantId, ViolationCode, set,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::violations;
use crate::category::DEPTH_MAX;
use crate::product::{
    CATEGORIES_MAX, CHANNELS_MAX, MEDIA_MAX, Media, OPTIONS_MAX, Product, ProductCreate, ProductOption, ProductStatus,
    VARIANTS_MAX, Variant, VariantCreate, VariantUpdate,
};
use crate::product_type::AttributeValue;
use crate::validator::Validator;
use crate::values::{
    Barcode, CategoryName, ExternalId, ObjectCode, OnHand, OptionValue, ProductDescription, Sku, Title, WeightGrams,
};

/// Most prices, and most stock rows, of one variant in a line.
const ROWS_MAX: usize = 50;
/// Largest amount of a price.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// A product to create or to change. Fields that are absent stay as they are; a new product needs a title and a variant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ProductImportLine")]
pub(crate) struct ImportLine {
    /// Id in the merchant's own systems, same form as a SKU; the product is found by it, or else by the SKUs of its variants.
    #[serde(default)]
    pub(crate) external_id: Option<ExternalId>,
    /// Code of the product type.
    #[serde(default)]
    pub(crate) product_type: Option<ObjectCode>,
    /// Title for shoppers.
    #[serde(default)]
    pub(crate) title: Option<Title>,
    /// Description for shoppers.
    #[serde(default)]
    pub(crate) description: Option<ProductDescription>,
    /// A new product is active when absent.
    #[serde(default)]
    pub(crate) status: Option<ProductStatus>,
    /// Whether it is shipped.
    #[serde(default)]
    pub(crate) requires_shipping: Option<bool>,
    /// Options in which its variants differ.
    #[serde(default)]
    pub(crate) options: Option<Items<ProductOption, 0, OPTIONS_MAX>>,
    /// Attribute values by code.
    #[serde(default)]
    pub(crate) attributes: Option<UniqueMap<AttributeValue>>,
    /// Paths of names, for example `Brakes/Discs`; categories that do not exist are created.
    #[serde(default)]
    pub(crate) categories: Option<Items<String, 0, CATEGORIES_MAX>>,
    /// Codes of channels; a new product is published in the default channel when absent.
    #[serde(default)]
    pub(crate) channels: Option<Items<ObjectCode, 0, CHANNELS_MAX>>,
    /// Pictures, videos and documents.
    #[serde(default)]
    pub(crate) media: Option<Items<Media, 0, MEDIA_MAX>>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
    /// Variants, found by SKU or else by external id; others of the product stay as they are.
    #[serde(default)]
    pub(crate) variants: Items<ImportVariant, 0, VARIANTS_MAX>,
}

/// A variant of a line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ProductImportVariant")]
pub(crate) struct ImportVariant {
    /// Stock-keeping unit: no whitespace at its ends, no invisible or control characters, in Unicode's form NFC.
    pub(crate) sku: Sku,
    /// Id in the merchant's own systems, same form as a SKU.
    #[serde(default)]
    pub(crate) external_id: Option<ExternalId>,
    /// GTIN, EAN, UPC or similar, same form as a SKU.
    #[serde(default)]
    pub(crate) barcode: Option<Barcode>,
    /// One value for each option of the product.
    #[serde(default)]
    pub(crate) options: Option<UniqueMap<OptionValue>>,
    /// Weight with packaging.
    #[serde(default)]
    pub(crate) weight_grams: Option<WeightGrams>,
    /// Tax class.
    #[serde(default)]
    pub(crate) tax_class_id: Option<TaxClassId>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
    /// Prices of one unit, at most one for each currency, for the tenant's base price lists.
    #[serde(default)]
    pub(crate) prices: Items<Money, 0, ROWS_MAX>,
    /// Units on hand, at most one row for each location.
    #[serde(default)]
    pub(crate) stock: Items<ImportStock, 0, ROWS_MAX>,
}

/// Units on hand at a location.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ProductImportStock")]
pub(crate) struct ImportStock {
    /// Code of the location, for example `BLR-1`.
    pub(crate) location: Code,
    /// Units on hand.
    pub(crate) on_hand: OnHand,
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
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Vec<Violation>> {
        bloom_web::parse(line).map_err(|fault| violations(&fault))
    }

    /// The categories that the paths name; a malformed path has none.
    pub(crate) fn category_paths(&self) -> impl Iterator<Item = (&str, Option<Vec<CategoryName>>)> {
        let paths = self.categories.as_deref().unwrap_or_default();
        paths.iter().map(|path| (path.as_str(), names_of(path)))
    }

    /// Adds the violations of the line alone.
    pub(crate) fn check(&self, validator: &mut Validator) {
        for (index, (_, names)) in self.category_paths().enumerate() {
            if names.is_none() {
                let message = format!("Give at most {DEPTH_MAX} names of categories, separated by `/`.");
                validator.fail(format!("/categories/{index}"), ViolationCode::Pattern, message);
            }
        }
        for (index, variant) in self.variants.iter().enumerate() {
            variant.check(&format!("/variants/{index}"), validator);
            if self.variants[..index].iter().any(|other| other.sku == variant.sku) {
                let at = format!("/variants/{index}/sku");
                validator.fail(at, ViolationCode::Duplicate, "Two variants of the line have this SKU.");
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
        let required = |pointer| Fault::invalid(pointer, ViolationCode::Required, "A new product needs a title and a variant.");
        let title = self.title.clone().ok_or_else(|| required("/title"))?;
        let variants = self.variants.iter().map(ImportVariant::create).collect();
        let input = ProductCreate {
            title,
            product_type_id: names.product_type_id,
            external_id: self.external_id.clone(),
            description: self.description.clone().unwrap_or_default(),
            status: self.status.unwrap_or(ProductStatus::Active),
            requires_shipping: self.requires_shipping.unwrap_or(true),
            options: self.options.clone().unwrap_or_default(),
            attributes: self.attributes.clone().unwrap_or_default(),
            category_ids: Items::default(),
            channel_ids: None,
            media: self.media.clone().unwrap_or_default(),
            metadata: Metadata::default(),
            variants: Items::new(variants).map_err(|_| required("/variants"))?,
        };
        let channels = names.channel_ids.unwrap_or(default_channels);
        let mut product = Product::new(id, now, input, channels, variant_id);
        set(&mut product.category_ids, names.category_ids);
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
        if let Some(options) = self.options.clone() {
            product.replace_options(options.into_vec());
        }
        set(&mut product.attributes, self.attributes.clone().map(UniqueMap::into_map));
        set(&mut product.category_ids, names.category_ids);
        set(&mut product.channel_ids, names.channel_ids);
        set(&mut product.media, self.media.clone().map(Items::into_vec));
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

fn names_of(path: &str) -> Option<Vec<CategoryName>> {
    let names: Option<Vec<CategoryName>> = path.split('/').map(|name| CategoryName::new(name).ok()).collect();
    names.filter(|names| names.len() <= DEPTH_MAX)
}

impl ImportVariant {
    fn check(&self, at: &str, validator: &mut Validator) {
        for (index, price) in self.prices.iter().enumerate() {
            let at = format!("{at}/prices/{index}");
            if !(0..=AMOUNT_MAX).contains(&price.amount()) {
                let message = format!("Give an amount from 0 to {AMOUNT_MAX}.");
                validator.fail(format!("{at}/amount"), ViolationCode::OutOfRange, message);
            }
            if self.prices[..index].iter().any(|other| other.currency() == price.currency()) {
                let message = "Two prices of the variant are in this currency.";
                validator.fail(format!("{at}/currency"), ViolationCode::Duplicate, message);
            }
        }
        for (index, stock) in self.stock.iter().enumerate() {
            if self.stock[..index].iter().any(|other| other.location == stock.location) {
                let message = "Two stock rows of the variant are for this location.";
                validator.fail(format!("{at}/stock/{index}/location"), ViolationCode::Duplicate, message);
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
            metadata: Metadata::default(),
        }
    }

    fn update(&self) -> VariantUpdate {
        VariantUpdate {
            sku: Some(self.sku.clone()),
            barcode: self.barcode.clone().map_or(Patch::Absent, Patch::Value),
            external_id: self.external_id.clone().map_or(Patch::Absent, Patch::Value),
            options: self.options.clone(),
            weight_grams: self.weight_grams,
            tax_class_id: self.tax_class_id.map_or(Patch::Absent, Patch::Value),
            position: None,
            metadata: self.metadata.clone().unwrap_or_default(),
        }
    }
}
