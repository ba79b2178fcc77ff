//! Variants: what is actually priced, stocked and sold.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{Metadata, MetadataPatch, Money, ProductId, TaxClassId, Timestamp, VariantId, unique_keys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::list::ListInventory;
use super::options::{ProductOption, values_in_order};
use super::patch::{nullable, set, unique_if_any};

/// Most active variants of a product.
pub const VARIANTS_MAX: usize = 250;
/// Most variants of a product, archived ones included.
pub const VARIANTS_EVER_MAX: usize = 1_000;
/// Longest key of the merchant's own systems.
pub const EXTERNAL_ID_MAX: usize = 255;
/// Heaviest variant: 100 tonnes.
pub const WEIGHT_MAX: i64 = 100_000_000;

/// Whether a variant can be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariantStatus {
    /// It can, when its product is active.
    Active,
    /// It cannot any more; its SKU may be used again.
    Archived,
}

impl VariantStatus {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// From what is stored.
    pub fn of(text: &str) -> Self {
        if text == "archived" { Self::Archived } else { Self::Active }
    }
}

/// A variant. It is part of its product: the product's version is its `ETag` too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its id.
    pub id: VariantId,
    /// The product that it is a variant of.
    pub product_id: ProductId,
    /// Stock-keeping unit, unique among the tenant's active variants. What looks the same is the same: it holds no blanks at
    /// its ends and no invisible or control characters, and is in Unicode's form NFC.
    pub sku: String,
    /// GTIN, EAN, UPC or the like; written like a SKU.
    pub barcode: Option<String>,
    /// Its key in the merchant's own systems, unique among the tenant's active variants; written like a SKU.
    pub external_id: Option<String>,
    /// The option values in words, for example `Red / L`; empty for a product without options.
    pub title: String,
    /// One value for each option of the product.
    pub options: BTreeMap<String, String>,
    /// Weight with packaging.
    pub weight_grams: i64,
    /// Tax class; `null`: the tenant's default class.
    pub tax_class_id: Option<TaxClassId>,
    /// Whether it can be sold.
    pub status: VariantStatus,
    /// Order within the product, lowest first.
    pub position: i32,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The (lowest) price of one unit in the channel now, `null` where there is none; only with `expand[]=price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Option<Money>>,
    /// What the channel can sell; only with `expand[]=inventory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<ListInventory>,
}

/// A variant to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantCreate {
    /// Stock-keeping unit, unique among the tenant's active variants. No blanks at its ends, no invisible or control
    /// characters, Unicode's form NFC.
    pub sku: String,
    /// GTIN, EAN, UPC or the like; written like a SKU.
    #[serde(default)]
    pub barcode: Option<String>,
    /// Its key in the merchant's own systems; written like a SKU.
    #[serde(default)]
    pub external_id: Option<String>,
    /// One value for each option of the product.
    #[serde(default, deserialize_with = "unique_keys")]
    pub options: BTreeMap<String, String>,
    /// Weight with packaging.
    #[serde(default)]
    pub weight_grams: i64,
    /// Tax class; absent: the tenant's default class.
    #[serde(default)]
    pub tax_class_id: Option<TaxClassId>,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a variant.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantPatch {
    /// Stock-keeping unit. No blanks at its ends, no invisible or control characters, Unicode's form NFC.
    #[serde(default)]
    pub sku: Option<String>,
    /// GTIN, EAN, UPC or the like; written like a SKU.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub barcode: Option<Option<String>>,
    /// Its key in the merchant's own systems; written like a SKU.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Option<String>>,
    /// One value for each option of the product.
    #[serde(default, deserialize_with = "unique_if_any")]
    pub options: Option<BTreeMap<String, String>>,
    /// Weight with packaging.
    #[serde(default)]
    pub weight_grams: Option<i64>,
    /// Tax class.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub tax_class_id: Option<Option<TaxClassId>>,
    /// Order within the product.
    #[serde(default)]
    pub position: Option<i32>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
}

impl Variant {
    /// A new variant of a product.
    pub fn create(id: VariantId, product_id: ProductId, position: i32, input: VariantCreate, now: Timestamp) -> Self {
        Self {
            id,
            product_id,
            sku: input.sku,
            barcode: input.barcode,
            external_id: input.external_id,
            title: String::new(),
            options: input.options,
            weight_grams: input.weight_grams,
            tax_class_id: input.tax_class_id,
            status: VariantStatus::Active,
            position,
            metadata: input.metadata,
            created_at: now,
            updated_at: now,
            price: None,
            inventory: None,
        }
    }

    /// Applies a change.
    pub fn patch(&mut self, patch: VariantPatch, now: Timestamp) -> Result<(), Fault> {
        set(&mut self.sku, patch.sku);
        set(&mut self.barcode, patch.barcode);
        set(&mut self.external_id, patch.external_id);
        set(&mut self.options, patch.options);
        set(&mut self.weight_grams, patch.weight_grams);
        set(&mut self.tax_class_id, patch.tax_class_id);
        set(&mut self.position, patch.position);
        if let Some(metadata) = patch.metadata {
            self.metadata.merge(metadata)?;
        }
        self.updated_at = now;
        Ok(())
    }

    /// Whether it can be sold when its product can.
    pub fn is_active(&self) -> bool {
        self.status == VariantStatus::Active
    }

    /// Writes the title that follows from the option values.
    pub fn retitle(&mut self, options: &[ProductOption]) {
        self.title = values_in_order(options, &self.options).join(" / ");
    }

    pub(super) fn check(&self, at: &str, options: &[ProductOption], checks: &mut Checks) {
        check_keys(at, &self.sku, self.barcode.as_deref(), self.external_id.as_deref(), checks);
        checks.range(&format!("{at}/weight_grams"), self.weight_grams, 0, WEIGHT_MAX);
        for option in options {
            match self.options.get(&option.name) {
                Some(value) if option.values.contains(value) => {}
                Some(_) => {
                    let message = format!("This is none of the values of the option {}.", option.name);
                    checks.fail(format!("{at}/options"), "unknown_option_value", message);
                }
                None => {
                    let message = format!("Choose a value for the option {}.", option.name);
                    checks.fail(format!("{at}/options"), "option_missing", message);
                }
            }
        }
        for name in self.options.keys().filter(|name| options.iter().all(|option| option.name != **name)) {
            checks.fail(format!("{at}/options"), "unknown_option", format!("The product has no option `{name}`."));
        }
    }
}

/// Checks what a variant is told from others by.
pub(super) fn check_keys(at: &str, sku: &str, barcode: Option<&str>, external_id: Option<&str>, checks: &mut Checks) {
    checks.key(&format!("{at}/sku"), sku, 64);
    if let Some(barcode) = barcode {
        checks.key(&format!("{at}/barcode"), barcode, 64);
    }
    if let Some(id) = external_id {
        checks.key(&format!("{at}/external_id"), id, EXTERNAL_ID_MAX);
    }
}
