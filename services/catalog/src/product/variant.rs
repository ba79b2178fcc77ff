//! The variant: what is priced, stocked and sold.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{
    Metadata, MetadataPatch, Money, Patch, ProductId, TaxClassId, Timestamp, UniqueMap, VariantId, ViolationCode, set, update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::{ProductOption, values_in_order};
use crate::listing::ProductInventory;
use crate::validator::Validator;
use crate::values::{Barcode, ExternalId, OptionValue, Sku, WeightGrams};

/// Most active variants of a product.
pub(crate) const VARIANTS_MAX: usize = 250;
/// Most variants of a product, archived ones included.
pub(crate) const VARIANTS_EVER_MAX: usize = 1_000;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) id: VariantId,
    /// The product that it is a variant of.
    pub(crate) product_id: ProductId,
    /// Stock-keeping unit, unique among the tenant's active variants: no whitespace at its ends, no invisible or control
    /// characters, in Unicode's form NFC.
    pub(crate) sku: Sku,
    /// GTIN, EAN, UPC or similar; same form as a SKU.
    pub(crate) barcode: Option<Barcode>,
    /// Id in the merchant's own systems, unique among the tenant's active variants; same form as a SKU.
    pub(crate) external_id: Option<ExternalId>,
    /// The option values, for example `Red / L`; empty for a product without options.
    pub(crate) title: String,
    /// One value for each option of the product.
    pub(crate) options: BTreeMap<String, String>,
    /// Weight with packaging.
    pub(crate) weight_grams: WeightGrams,
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
    #[expect(clippy::option_option, reason = "absent unless it is expanded, `null` where there is no price")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<Option<Money>>,
    /// What the channel can sell; only with `expand[]=inventory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inventory: Option<ProductInventory>,
}

/// Input to create a variant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantCreate {
    /// Stock-keeping unit, unique among the tenant's active variants: no whitespace at its ends, no invisible or control
    /// characters, in Unicode's form NFC.
    pub(crate) sku: Sku,
    /// GTIN, EAN, UPC or similar; same form as a SKU.
    #[serde(default)]
    pub(crate) barcode: Option<Barcode>,
    /// Id in the merchant's own systems; same form as a SKU.
    #[serde(default)]
    pub(crate) external_id: Option<ExternalId>,
    /// One value for each option of the product.
    #[serde(default)]
    pub(crate) options: UniqueMap<OptionValue>,
    /// Weight with packaging.
    #[serde(default)]
    pub(crate) weight_grams: WeightGrams,
    /// Tax class; absent: the tenant's default class.
    #[serde(default)]
    pub(crate) tax_class_id: Option<TaxClassId>,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

update! {
    /// Changes of a variant.
    pub(crate) struct VariantUpdate {
        /// Stock-keeping unit.
        pub(crate) sku: Option<Sku>,
        /// GTIN, EAN, UPC or similar.
        pub(crate) barcode: Patch<Barcode>,
        /// Id in the merchant's own systems.
        pub(crate) external_id: Patch<ExternalId>,
        /// One value for each option of the product.
        pub(crate) options: Option<UniqueMap<OptionValue>>,
        /// Weight with packaging.
        pub(crate) weight_grams: Option<WeightGrams>,
        /// Tax class.
        pub(crate) tax_class_id: Patch<TaxClassId>,
        /// Order within the product.
        pub(crate) position: Option<i32>,
        /// Merged into the present metadata; `null` removes a key.
        pub(crate) metadata: MetadataPatch,
    }
}

impl Variant {
    /// A new variant of a product.
    pub(crate) fn new(id: VariantId, now: Timestamp, product_id: ProductId, position: i32, input: VariantCreate) -> Self {
        let VariantCreate { sku, barcode, external_id, options, weight_grams, tax_class_id, metadata } = input;
        Self {
            id,
            product_id,
            sku,
            barcode,
            external_id,
            title: String::new(),
            options: texts(options),
            weight_grams,
            tax_class_id,
            status: VariantStatus::Active,
            position,
            metadata,
            created_at: now,
            updated_at: now,
            price: None,
            inventory: None,
        }
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: VariantUpdate) -> Result<(), Fault> {
        let VariantUpdate { sku, barcode, external_id, options, weight_grams, tax_class_id, position, metadata } = input;
        set(&mut self.sku, sku);
        barcode.apply(&mut self.barcode);
        external_id.apply(&mut self.external_id);
        set(&mut self.options, options.map(texts));
        set(&mut self.weight_grams, weight_grams);
        tax_class_id.apply(&mut self.tax_class_id);
        set(&mut self.position, position);
        self.metadata.merge(metadata)?;
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

    /// Adds the violations of its option values.
    pub(super) fn check(&self, at: &str, options: &[ProductOption], validator: &mut Validator) {
        let at = format!("{at}/options");
        for option in options {
            match self.options.get(option.name.as_str()) {
                Some(value) if option.values.iter().any(|known| known == value.as_str()) => {}
                Some(_) => {
                    let message = format!("This is none of the values of the option {}.", option.name);
                    validator.fail(&at, ViolationCode::Unknown, message);
                }
                None => {
                    let message = format!("Choose a value for the option {}.", option.name);
                    validator.fail(&at, ViolationCode::Required, message);
                }
            }
        }
        for name in self.options.keys().filter(|name| options.iter().all(|option| option.name != name.as_str())) {
            validator.fail(&at, ViolationCode::Unknown, format!("The product has no option `{name}`."));
        }
    }
}

fn texts(options: UniqueMap<OptionValue>) -> BTreeMap<String, String> {
    options.into_map().into_iter().map(|(name, value)| (name, value.into())).collect()
}
