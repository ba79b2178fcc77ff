//! One line of an import: a product with variants, prices and stock, named by the merchant's own keys.

use std::collections::BTreeMap;

use bloom_fault::{Fault, Violation};
use bloom_kernel::{CategoryId, ChannelId, MetadataPatch, Money, ProductId, ProductTypeId, TaxClassId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attribute::Attributes;
use super::category::{DEPTH_MAX, check_name};
use super::check::Checks;
use super::options::{Media, ProductOption, carried_over};
use super::patch::{set, unique_if_any};
use super::product::{CATEGORIES_MAX, CHANNELS_MAX, Product, ProductCreate, ProductStatus};
use super::variant::{EXTERNAL_ID_MAX, Variant, VariantCreate, VariantPatch, check_keys};

/// Most prices and most stock rows of one variant in a line.
pub const FACTS_MAX: usize = 50;
/// Largest amount and largest stock.
pub const NUMBER_MAX: i64 = 1_000_000_000_000;

/// A product to create or to change. Fields that are absent stay as they are; a new product needs a title and a variant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportLine {
    /// Key in the merchant's own systems, written like a SKU; the product is found by it, or else by the SKUs of its variants.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Code of the product type.
    #[serde(default)]
    pub product_type: Option<String>,
    /// What it is called.
    #[serde(default)]
    pub title: Option<String>,
    /// What is to be said about it.
    #[serde(default)]
    pub description: Option<String>,
    /// A new product is active when absent.
    #[serde(default)]
    pub status: Option<ProductStatus>,
    /// Whether it is sent.
    #[serde(default)]
    pub requires_shipping: Option<bool>,
    /// In what its variants differ.
    #[serde(default)]
    pub options: Option<Vec<ProductOption>>,
    /// Attribute values by code.
    #[serde(default, deserialize_with = "unique_if_any")]
    pub attributes: Option<Attributes>,
    /// Paths of names, for example `Brakes/Discs`; categories that do not exist are created.
    #[serde(default)]
    pub categories: Option<Vec<String>>,
    /// Codes of channels; a new product is published in the default channel when absent.
    #[serde(default)]
    pub channels: Option<Vec<String>>,
    /// Pictures and the like.
    #[serde(default)]
    pub media: Option<Vec<Media>>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
    /// Variants, found by SKU or else by external id; others of the product stay as they are.
    #[serde(default)]
    pub variants: Vec<ImportVariant>,
}

/// A variant of a line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportVariant {
    /// Stock-keeping unit. No blanks at its ends, no invisible or control characters, Unicode's form NFC.
    pub sku: String,
    /// Key in the merchant's own systems, written like a SKU.
    #[serde(default)]
    pub external_id: Option<String>,
    /// GTIN, EAN, UPC or the like, written like a SKU.
    #[serde(default)]
    pub barcode: Option<String>,
    /// One value for each option of the product.
    #[serde(default, deserialize_with = "unique_if_any")]
    pub options: Option<BTreeMap<String, String>>,
    /// Weight with packaging.
    #[serde(default)]
    pub weight_grams: Option<i64>,
    /// Tax class.
    #[serde(default)]
    pub tax_class_id: Option<TaxClassId>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
    /// Prices of one unit, at most one a currency; they go to the tenant's base price lists.
    #[serde(default)]
    pub prices: Vec<Money>,
    /// Units on hand, at most one row a location.
    #[serde(default)]
    pub stock: Vec<ImportStock>,
}

/// Units on hand at a location.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportStock {
    /// Code of the location, for example `BLR-1`.
    pub location: String,
    /// Units that are there.
    pub on_hand: i64,
}

/// What the names of a line stand for.
pub struct Resolved {
    /// Its product type, when it names one.
    pub product_type_id: Option<ProductTypeId>,
    /// Its categories, when it names any.
    pub category_ids: Option<Vec<CategoryId>>,
    /// Its channels, when it names any.
    pub channel_ids: Option<Vec<ChannelId>>,
}

impl ImportLine {
    /// Reads a line as strictly as a body; a refusal names the place.
    pub fn parse(line: &[u8]) -> Result<Self, Violation> {
        bloom_web::parse(line).map_err(|fault| {
            let first = fault.errors.first().cloned();
            let whole = || Violation { pointer: String::new(), code: fault.reason.to_string(), message: fault.detail.clone() };
            first.unwrap_or_else(whole)
        })
    }

    /// Checks what things are found by, before they are looked for.
    pub fn check_keys(&self) -> Result<(), Vec<Violation>> {
        let mut checks = Checks::default();
        if let Some(id) = &self.external_id {
            checks.key("/external_id", id, EXTERNAL_ID_MAX);
        }
        for (index, variant) in self.variants.iter().enumerate() {
            let (barcode, external_id) = (variant.barcode.as_deref(), variant.external_id.as_deref());
            check_keys(&format!("/variants/{index}"), &variant.sku, barcode, external_id, &mut checks);
        }
        let violations = checks.into_violations();
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Checks what can be said of the line alone.
    pub fn check(&self, checks: &mut Checks) {
        let categories = self.categories.as_deref().unwrap_or_default();
        checks.count("/categories", categories.len(), CATEGORIES_MAX);
        for (index, path) in categories.iter().enumerate() {
            let at = format!("/categories/{index}");
            let names: Vec<&str> = path.split('/').collect();
            checks.count(&at, names.len(), DEPTH_MAX);
            for name in names.into_iter().take(DEPTH_MAX) {
                check_name(&at, name, checks);
            }
        }
        checks.count("/channels", self.channels.as_ref().map_or(0, Vec::len), CHANNELS_MAX);
        for (index, variant) in self.variants.iter().enumerate() {
            variant.check(&format!("/variants/{index}"), checks);
            if self.variants[..index].iter().any(|other| other.sku == variant.sku) {
                checks.fail(format!("/variants/{index}/sku"), "duplicate", "Two variants of the line have this SKU.");
            }
        }
    }

    /// The line as a new product, not yet validated.
    pub fn create(
        &self,
        id: ProductId,
        variant_id: impl FnMut() -> VariantId,
        names: Resolved,
        default_channels: Vec<ChannelId>,
        now: Timestamp,
    ) -> Result<Product, Fault> {
        let title = self.title.clone().ok_or_else(|| Fault::invalid("/title", "required", "A new product needs a title."))?;
        let mut product = Product::create(
            id,
            variant_id,
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
            now,
        );
        product.metadata.merge(self.metadata.clone().unwrap_or_default())?;
        for (variant, line) in product.variants.iter_mut().zip(&self.variants) {
            variant.metadata.merge(line.metadata.clone().unwrap_or_default())?;
        }
        Ok(product)
    }

    /// Merges the line into a product that exists; not yet validated. The version is the caller's business.
    pub fn merge(
        &self,
        product: &mut Product,
        mut variant_id: impl FnMut() -> VariantId,
        names: Resolved,
        now: Timestamp,
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
                product.variants[index].patch(line.patch(), now)?;
                continue;
            }
            let place = product.variants.iter().map(|variant| variant.position).max().unwrap_or_default();
            let mut variant = Variant::create(variant_id(), product.id, place.saturating_add(1), line.create(), now);
            variant.metadata.merge(line.metadata.clone().unwrap_or_default())?;
            product.variants.push(variant);
        }
        Ok(())
    }
}

impl ImportVariant {
    fn check(&self, at: &str, checks: &mut Checks) {
        checks.count(&format!("{at}/prices"), self.prices.len(), FACTS_MAX);
        checks.count(&format!("{at}/stock"), self.stock.len(), FACTS_MAX);
        for (index, price) in self.prices.iter().enumerate().take(FACTS_MAX) {
            let at = format!("{at}/prices/{index}");
            checks.range(&format!("{at}/amount"), price.amount(), 0, NUMBER_MAX);
            if self.prices[..index].iter().any(|other| other.currency() == price.currency()) {
                checks.fail(format!("{at}/currency"), "duplicate", "Two prices of the variant are in this currency.");
            }
        }
        for (index, stock) in self.stock.iter().enumerate().take(FACTS_MAX) {
            let at = format!("{at}/stock/{index}");
            checks.text(&format!("{at}/location"), &stock.location, 1, 64);
            checks.range(&format!("{at}/on_hand"), stock.on_hand, 0, NUMBER_MAX);
            if self.stock[..index].iter().any(|other| other.location == stock.location) {
                checks.fail(format!("{at}/location"), "duplicate", "Two stock rows of the variant are for this location.");
            }
        }
    }

    /// The active variant of a product that the line speaks of.
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

    fn patch(&self) -> VariantPatch {
        VariantPatch {
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
