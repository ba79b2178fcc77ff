//! The variant: what is priced, stocked and sold.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{Metadata, MetadataPatch, Money, ProductId, TaxClassId, Timestamp, VariantId, unique_keys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::{ProductOption, values_in_order};
use crate::listing::ListInventory;
use crate::merge_patch::{nullable, set, unique_if_any};
use crate::validator::Validator;

/// Most active variants of a product.
pub(crate) const VARIANTS_MAX: usize = 250;
/// Most variants of a product, archived ones included.
pub(crate) const VARIANTS_EVER_MAX: usize = 1_000;
/// Longest id in the merchant's own systems.
pub(crate) const EXTERNAL_ID_MAX: usize = 255;
/// Heaviest variant: 100 tonnes.
pub(crate) const WEIGHT_MAX: i64 = 100_000_000;

/// Whether a variant can be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VariantStatus {
    /// For sale when its product is.
    Active,
    /// No longer for sale; its SKU may be used again.
    Archived,
}

impl VariantStatus {
    /// The stored text.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// From the stored text.
    pub(crate) fn of(text: &str) -> Self {
        if text == "archived" { Self::Archived } else { Self::Active }
    }
}

/// A variant. It is part of its product: the product's version is its `ETag` too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) id: VariantId,
    /// The product that it is a variant of.
    pub(crate) product_id: ProductId,
    /// Stock-keeping unit, unique among the tenant's active variants: no whitespace at its ends, no invisible or control
    /// characters, in Unicode's form NFC.
    pub(crate) sku: String,
    /// GTIN, EAN, UPC or similar; same form as a SKU.
    pub(crate) barcode: Option<String>,
    /// Id in the merchant's own systems, unique among the tenant's active variants; same form as a SKU.
    pub(crate) external_id: Option<String>,
    /// The option values, for example `Red / L`; empty for a product without options.
    pub(crate) title: String,
    /// One value for each option of the product.
    pub(crate) options: BTreeMap<String, String>,
    /// Weight with packaging.
    pub(crate) weight_grams: i64,
    /// Tax class; `null`: the tenant's default class.
    pub(crate) tax_class_id: Option<TaxClassId>,
    /// Whether it can be sold.
    pub(crate) status: VariantStatus,
    /// Order within the product, lowest first.
    pub(crate) position: i32,
    /// The merchant's own data.
    pub(crate) metadata: Metadata,
    /// When it was created.
    pub(crate) created_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
    /// The (lowest) price of one unit in the channel now, `null` where there is none; only with `expand[]=price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<Option<Money>>,
    /// What the channel can sell; only with `expand[]=inventory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inventory: Option<ListInventory>,
}

/// Input to create a variant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantCreate {
    /// Stock-keeping unit, unique among the tenant's active variants: no whitespace at its ends, no invisible or control
    /// characters, in Unicode's form NFC.
    pub(crate) sku: String,
    /// GTIN, EAN, UPC or similar; same form as a SKU.
    #[serde(default)]
    pub(crate) barcode: Option<String>,
    /// Id in the merchant's own systems; same form as a SKU.
    #[serde(default)]
    pub(crate) external_id: Option<String>,
    /// One value for each option of the product.
    #[serde(default, deserialize_with = "unique_keys")]
    pub(crate) options: BTreeMap<String, String>,
    /// Weight with packaging.
    #[serde(default)]
    pub(crate) weight_grams: i64,
    /// Tax class; absent: the tenant's default class.
    #[serde(default)]
    pub(crate) tax_class_id: Option<TaxClassId>,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// Changes of a variant.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantUpdate {
    /// Stock-keeping unit: no whitespace at its ends, no invisible or control characters, in Unicode's form NFC.
    #[serde(default)]
    pub(crate) sku: Option<String>,
    /// GTIN, EAN, UPC or similar; same form as a SKU.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub(crate) barcode: Option<Option<String>>,
    /// Id in the merchant's own systems; same form as a SKU.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub(crate) external_id: Option<Option<String>>,
    /// One value for each option of the product.
    #[serde(default, deserialize_with = "unique_if_any")]
    pub(crate) options: Option<BTreeMap<String, String>>,
    /// Weight with packaging.
    #[serde(default)]
    pub(crate) weight_grams: Option<i64>,
    /// Tax class.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub(crate) tax_class_id: Option<Option<TaxClassId>>,
    /// Order within the product.
    #[serde(default)]
    pub(crate) position: Option<i32>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
}

impl Variant {
    /// A new variant of a product.
    pub(crate) fn new(id: VariantId, now: Timestamp, product_id: ProductId, position: i32, input: VariantCreate) -> Self {
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

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: VariantUpdate) -> Result<(), Fault> {
        set(&mut self.sku, input.sku);
        set(&mut self.barcode, input.barcode);
        set(&mut self.external_id, input.external_id);
        set(&mut self.options, input.options);
        set(&mut self.weight_grams, input.weight_grams);
        set(&mut self.tax_class_id, input.tax_class_id);
        set(&mut self.position, input.position);
        if let Some(metadata) = input.metadata {
            self.metadata.merge(metadata)?;
        }
        self.updated_at = now;
        Ok(())
    }

    /// Whether it is for sale when its product is.
    pub(crate) fn is_active(&self) -> bool {
        self.status == VariantStatus::Active
    }

    /// Derives the title from the option values.
    pub(crate) fn set_title(&mut self, options: &[ProductOption]) {
        self.title = values_in_order(options, &self.options).join(" / ");
    }

    pub(super) fn check(&self, at: &str, options: &[ProductOption], validator: &mut Validator) {
        check_keys(at, &self.sku, self.barcode.as_deref(), self.external_id.as_deref(), validator);
        validator.range(&format!("{at}/weight_grams"), self.weight_grams, 0, WEIGHT_MAX);
        for option in options {
            match self.options.get(&option.name) {
                Some(value) if option.values.contains(value) => {}
                Some(_) => {
                    let message = format!("This is none of the values of the option {}.", option.name);
                    validator.fail(format!("{at}/options"), "unknown_option_value", message);
                }
                None => {
                    let message = format!("Choose a value for the option {}.", option.name);
                    validator.fail(format!("{at}/options"), "option_missing", message);
                }
            }
        }
        for name in self.options.keys().filter(|name| options.iter().all(|option| option.name != **name)) {
            validator.fail(format!("{at}/options"), "unknown_option", format!("The product has no option `{name}`."));
        }
    }
}

/// Checks the identifiers of a variant.
pub(crate) fn check_keys(at: &str, sku: &str, barcode: Option<&str>, external_id: Option<&str>, validator: &mut Validator) {
    validator.key(&format!("{at}/sku"), sku, 64);
    if let Some(barcode) = barcode {
        validator.key(&format!("{at}/barcode"), barcode, 64);
    }
    if let Some(id) = external_id {
        validator.key(&format!("{at}/external_id"), id, EXTERNAL_ID_MAX);
    }
}
