//! The product: one aggregate with its variants, publication and places.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{
    CategoryId, ChannelId, CollectionId, Metadata, MetadataPatch, Money, ProductId, ProductTypeId, Timestamp, VariantId,
    unique_keys,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attribute::{AttributeValue, Attributes, ProductType};
use super::check::Checks;
use super::list::ListInventory;
use super::options::{Media, ProductOption, carried_over, check_media, check_options, values_in_order};
use super::patch::{nullable, set, unique_if_any};
use super::variant::{EXTERNAL_ID_MAX, VARIANTS_EVER_MAX, VARIANTS_MAX, Variant, VariantCreate};

/// Most categories of a product.
pub const CATEGORIES_MAX: usize = 20;
/// Most collections that a product is in.
pub const COLLECTIONS_MAX: usize = 50;
/// Most channels that a product is published in.
pub const CHANNELS_MAX: usize = 100;

/// Where a product is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// In the making; storefronts do not see it.
    #[default]
    Draft,
    /// Shown in the channels that it is published in.
    Active,
    /// Out of sale; kept because orders refer to it.
    Archived,
}

impl ProductStatus {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// From what is stored.
    pub fn of(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "archived" => Self::Archived,
            _ => Self::Draft,
        }
    }
}

/// A place in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The collection.
    pub collection_id: CollectionId,
    /// The place in it, lowest first.
    pub position: i64,
}

/// A product: what the catalogue itself knows. Prices and stock are other services' and come with `expand[]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its type, which says what attributes it may carry.
    pub product_type_id: Option<ProductTypeId>,
    /// Its key in the merchant's own systems, unique per tenant; written like a SKU.
    pub external_id: Option<String>,
    /// What it is called.
    pub title: String,
    /// What is to be said about it.
    pub description: String,
    /// Where it is in its life.
    pub status: ProductStatus,
    /// False for what is not sent: services, downloads.
    pub requires_shipping: bool,
    /// In what its variants differ.
    pub options: Vec<ProductOption>,
    /// Attribute values by code.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// The categories that it is in.
    pub category_ids: Vec<CategoryId>,
    /// The collections that it is in.
    pub collections: Vec<Placement>,
    /// The channels that it is published in.
    pub channel_ids: Vec<ChannelId>,
    /// Pictures and the like.
    pub media: Vec<Media>,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Its variants, archived ones included, in their order.
    pub variants: Vec<Variant>,
    /// Counts its changes, those of its variants included.
    pub version: i64,
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

/// A product to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductCreate {
    /// What it is called.
    pub title: String,
    /// Its type.
    #[serde(default)]
    pub product_type_id: Option<ProductTypeId>,
    /// Its key in the merchant's own systems; written like a SKU.
    #[serde(default)]
    pub external_id: Option<String>,
    /// What is to be said about it.
    #[serde(default)]
    pub description: String,
    /// `draft` when absent.
    #[serde(default)]
    pub status: ProductStatus,
    /// True when absent.
    #[serde(default = "yes")]
    pub requires_shipping: bool,
    /// In what its variants differ.
    #[serde(default)]
    pub options: Vec<ProductOption>,
    /// Attribute values by code.
    #[serde(default, deserialize_with = "unique_keys")]
    pub attributes: Attributes,
    /// The categories that it is in.
    #[serde(default)]
    pub category_ids: Vec<CategoryId>,
    /// The channels that it is published in; the default channel when absent.
    #[serde(default)]
    pub channel_ids: Option<Vec<ChannelId>>,
    /// Pictures and the like.
    #[serde(default)]
    pub media: Vec<Media>,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: Metadata,
    /// At least one; exactly one when there are no options.
    pub variants: Vec<VariantCreate>,
}

fn yes() -> bool {
    true
}

/// A change of a product. Variants have their own requests; collections place products.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductPatch {
    /// What it is called.
    #[serde(default)]
    pub title: Option<String>,
    /// Its type.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub product_type_id: Option<Option<ProductTypeId>>,
    /// Its key in the merchant's own systems; written like a SKU.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Option<String>>,
    /// What is to be said about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it is in its life.
    #[serde(default)]
    pub status: Option<ProductStatus>,
    /// Whether it is sent.
    #[serde(default)]
    pub requires_shipping: Option<bool>,
    /// Replaces the options. Variants keep their values by place; a new option gives them its first value.
    #[serde(default)]
    pub options: Option<Vec<ProductOption>>,
    /// Replaces the attributes.
    #[serde(default, deserialize_with = "unique_if_any")]
    pub attributes: Option<Attributes>,
    /// Replaces the categories.
    #[serde(default)]
    pub category_ids: Option<Vec<CategoryId>>,
    /// Replaces the publication.
    #[serde(default)]
    pub channel_ids: Option<Vec<ChannelId>>,
    /// Replaces the media.
    #[serde(default)]
    pub media: Option<Vec<Media>>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
}

impl Product {
    /// A new product, not yet validated. `channels` is where it is published when the input does not say.
    pub fn create(
        id: ProductId,
        mut variant_id: impl FnMut() -> VariantId,
        input: ProductCreate,
        channels: Vec<ChannelId>,
        now: Timestamp,
    ) -> Self {
        let variants = (1..).zip(input.variants).map(|(place, variant)| Variant::create(variant_id(), id, place, variant, now));
        Self {
            id,
            product_type_id: input.product_type_id,
            external_id: input.external_id,
            title: input.title,
            description: input.description,
            status: input.status,
            requires_shipping: input.requires_shipping,
            options: input.options,
            attributes: input.attributes,
            category_ids: input.category_ids,
            collections: Vec::new(),
            channel_ids: input.channel_ids.unwrap_or(channels),
            media: input.media,
            metadata: input.metadata,
            variants: variants.collect(),
            version: 1,
            created_at: now,
            updated_at: now,
            price: None,
            inventory: None,
        }
    }

    /// Applies a change, not yet validated.
    pub fn patch(&mut self, patch: ProductPatch) -> Result<(), Fault> {
        set(&mut self.title, patch.title);
        set(&mut self.product_type_id, patch.product_type_id);
        set(&mut self.external_id, patch.external_id);
        set(&mut self.description, patch.description);
        set(&mut self.status, patch.status);
        set(&mut self.requires_shipping, patch.requires_shipping);
        if let Some(options) = patch.options {
            for variant in self.variants.iter_mut().filter(|variant| variant.is_active()) {
                variant.options = carried_over(&self.options, &options, &variant.options);
            }
            self.options = options;
        }
        set(&mut self.attributes, patch.attributes);
        set(&mut self.category_ids, patch.category_ids);
        set(&mut self.channel_ids, patch.channel_ids);
        set(&mut self.media, patch.media);
        if let Some(metadata) = patch.metadata {
            self.metadata.merge(metadata)?;
        }
        Ok(())
    }

    /// The next version of the aggregate.
    pub fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }

    /// Brings lists into their order and titles in line with options, so that equal products have equal documents.
    pub fn normalise(&mut self) {
        self.category_ids.sort_unstable();
        self.category_ids.dedup();
        self.channel_ids.sort_unstable();
        self.channel_ids.dedup();
        for variant in self.variants.iter_mut().filter(|variant| variant.is_active()) {
            variant.retitle(&self.options);
        }
        self.variants.sort_by_key(|variant| (variant.position, variant.id));
    }

    /// Notes everything that is wrong with the product as a whole.
    pub fn check(&self, product_type: Option<&ProductType>, checks: &mut Checks) {
        checks.text("/title", &self.title, 1, 255);
        checks.text("/description", &self.description, 0, 50_000);
        if let Some(id) = &self.external_id {
            checks.key("/external_id", id, EXTERNAL_ID_MAX);
        }
        checks.count("/category_ids", self.category_ids.len(), CATEGORIES_MAX);
        checks.count("/channel_ids", self.channel_ids.len(), CHANNELS_MAX);
        checks.count("/collections", self.collections.len(), COLLECTIONS_MAX);
        check_options(&self.options, checks);
        check_media(&self.media, checks);
        self.check_variants(checks);
        match product_type {
            Some(product_type) => product_type.check(&self.attributes, self.status == ProductStatus::Active, checks),
            None if !self.attributes.is_empty() => {
                checks.fail("/attributes", "product_type_required", "Only a product with a type carries attributes.");
            }
            None => {}
        }
    }

    /// Refuses the product when anything is wrong.
    pub fn validate(&self, product_type: Option<&ProductType>) -> Result<(), Fault> {
        let mut checks = Checks::default();
        self.check(product_type, &mut checks);
        checks.finish()
    }

    fn check_variants(&self, checks: &mut Checks) {
        let active = self.variants.iter().enumerate().filter(|(_, variant)| variant.is_active());
        let active: Vec<_> = active.collect();
        if active.is_empty() {
            checks.fail("/variants", "required", "A product has at least one active variant.");
        }
        checks.count("/variants", active.len(), VARIANTS_MAX);
        checks.count("/variants", self.variants.len(), VARIANTS_EVER_MAX);
        let (mut choices, mut skus) = (BTreeMap::new(), BTreeMap::new());
        for (index, variant) in active.into_iter().take(VARIANTS_MAX) {
            let at = format!("/variants/{index}");
            variant.check(&at, &self.options, checks);
            // What lacks a value, or has one too many, is told so.
            let is_complete = self.options.iter().map(|option| &option.name).all(|name| variant.options.contains_key(name))
                && self.options.len() == variant.options.len();
            if choices.insert(values_in_order(&self.options, &variant.options), index).is_some() && is_complete {
                checks.fail(format!("{at}/options"), "duplicate_options", "Two active variants have the same option values.");
            }
            if skus.insert(&variant.sku, index).is_some() {
                checks.fail(format!("{at}/sku"), "duplicate", "Two variants have this SKU.");
            }
        }
    }
}
