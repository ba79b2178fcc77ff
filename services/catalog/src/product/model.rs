//! The product: one aggregate with its variants, its publication in channels, its categories and collections.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{
    Aggregate, CategoryId, ChannelId, CollectionId, Items, Metadata, MetadataPatch, Money, Patch, ProductId, ProductTypeId,
    Timestamp, UniqueMap, VariantId, ViolationCode, set, update,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::{MEDIA_MAX, Media, OPTIONS_MAX, ProductOption, carried_over, check_options, values_in_order};
use super::variant::{VARIANTS_EVER_MAX, VARIANTS_MAX, Variant, VariantCreate};
use crate::listing::ProductInventory;
use crate::product_type::{AttributeValue, Attributes, ProductType};
use crate::validator::Validator;
use crate::values::{ExternalId, ProductDescription, Title};

/// Most categories of a product.
pub(crate) const CATEGORIES_MAX: usize = 20;
/// Most collections that a product is in.
pub(crate) const COLLECTIONS_MAX: usize = 50;
/// Most channels that a product is published in.
pub(crate) const CHANNELS_MAX: usize = 100;

/// Lifecycle of a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProductStatus {
    /// In preparation; storefronts do not see it.
    #[default]
    Draft,
    /// Shown in the channels that it is published in.
    Active,
    /// No longer for sale; kept because orders refer to it.
    Archived,
}

impl ProductStatus {
    /// The stored text.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// From the stored text.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "archived" => Self::Archived,
            _ => Self::Draft,
        }
    }
}

/// A position in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Placement {
    /// The collection.
    pub(crate) collection_id: CollectionId,
    /// Position of the product in it, lowest first.
    pub(crate) position: i64,
}

/// A product with the fields that the catalogue owns. Prices and stock belong to other services and come with `expand[]`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Product {
    pub(crate) id: ProductId,
    /// Its product type, which defines its attributes.
    pub(crate) product_type_id: Option<ProductTypeId>,
    /// Id in the merchant's own systems, unique per tenant; same form as a SKU.
    pub(crate) external_id: Option<ExternalId>,
    /// Title for shoppers.
    pub(crate) title: Title,
    /// Description for shoppers.
    pub(crate) description: ProductDescription,
    /// Lifecycle status.
    pub(crate) status: ProductStatus,
    /// False for what is not shipped: services, downloads.
    pub(crate) requires_shipping: bool,
    /// Options in which its variants differ.
    pub(crate) options: Vec<ProductOption>,
    /// Attribute values by code.
    pub(crate) attributes: Attributes,
    /// The categories that it is in.
    pub(crate) category_ids: Vec<CategoryId>,
    /// The collections that it is in.
    pub(crate) collections: Vec<Placement>,
    /// The channels that it is published in.
    pub(crate) channel_ids: Vec<ChannelId>,
    /// Pictures, videos and documents.
    pub(crate) media: Vec<Media>,
    /// The merchant's own data.
    pub(crate) metadata: Metadata,
    /// Its variants, archived ones included, by position.
    pub(crate) variants: Vec<Variant>,
    /// Version, raised by each change of the product or of a variant.
    pub(crate) version: i64,
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

/// Input to create a product.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductCreate {
    /// Title for shoppers.
    pub(crate) title: Title,
    /// Its product type.
    #[serde(default)]
    pub(crate) product_type_id: Option<ProductTypeId>,
    /// Id in the merchant's own systems; same form as a SKU.
    #[serde(default)]
    pub(crate) external_id: Option<ExternalId>,
    /// Description for shoppers.
    #[serde(default)]
    pub(crate) description: ProductDescription,
    /// `draft` when absent.
    #[serde(default)]
    pub(crate) status: ProductStatus,
    /// True when absent.
    #[serde(default = "enabled")]
    pub(crate) requires_shipping: bool,
    /// Options in which its variants differ.
    #[serde(default)]
    pub(crate) options: Items<ProductOption, 0, OPTIONS_MAX>,
    /// Attribute values by code.
    #[serde(default)]
    pub(crate) attributes: UniqueMap<AttributeValue>,
    /// The categories that it is in.
    #[serde(default)]
    pub(crate) category_ids: Items<CategoryId, 0, CATEGORIES_MAX>,
    /// The channels that it is published in; the default channel when absent.
    #[serde(default)]
    pub(crate) channel_ids: Option<Items<ChannelId, 0, CHANNELS_MAX>>,
    /// Pictures, videos and documents.
    #[serde(default)]
    pub(crate) media: Items<Media, 0, MEDIA_MAX>,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
    /// At least one; exactly one when there are no options.
    pub(crate) variants: Items<VariantCreate, 1, VARIANTS_MAX>,
}

fn enabled() -> bool {
    true
}

update! {
    /// Changes of a product. Variants and positions in collections have requests of their own.
    pub(crate) struct ProductUpdate {
        /// Title for shoppers.
        pub(crate) title: Option<Title>,
        /// Its product type.
        pub(crate) product_type_id: Patch<ProductTypeId>,
        /// Id in the merchant's own systems.
        pub(crate) external_id: Patch<ExternalId>,
        /// Description for shoppers.
        pub(crate) description: Option<ProductDescription>,
        /// Lifecycle status.
        pub(crate) status: Option<ProductStatus>,
        /// Whether it is shipped.
        pub(crate) requires_shipping: Option<bool>,
        /// Replaces the options. Variants keep their values by the option's position; a new option gives them its first value.
        pub(crate) options: Option<Items<ProductOption, 0, OPTIONS_MAX>>,
        /// Replaces the attributes.
        pub(crate) attributes: Option<UniqueMap<AttributeValue>>,
        /// Replaces the categories.
        pub(crate) category_ids: Option<Items<CategoryId, 0, CATEGORIES_MAX>>,
        /// Replaces the channels.
        pub(crate) channel_ids: Option<Items<ChannelId, 0, CHANNELS_MAX>>,
        /// Replaces the media.
        pub(crate) media: Option<Items<Media, 0, MEDIA_MAX>>,
        /// Merged into the present metadata; `null` removes a key.
        pub(crate) metadata: MetadataPatch,
    }
}

impl Product {
    /// A new product, not yet validated. It is published in `default_channels` when the input names none.
    pub(crate) fn new(
        id: ProductId,
        now: Timestamp,
        input: ProductCreate,
        default_channels: Vec<ChannelId>,
        mut variant_id: impl FnMut() -> VariantId,
    ) -> Self {
        let variants = (1..).zip(input.variants);
        let variants = variants.map(|(position, variant)| Variant::new(variant_id(), now, id, position, variant));
        Self {
            id,
            product_type_id: input.product_type_id,
            external_id: input.external_id,
            title: input.title,
            description: input.description,
            status: input.status,
            requires_shipping: input.requires_shipping,
            options: input.options.into_vec(),
            attributes: input.attributes.into_map(),
            category_ids: input.category_ids.into_vec(),
            collections: Vec::new(),
            channel_ids: input.channel_ids.map_or(default_channels, Items::into_vec),
            media: input.media.into_vec(),
            metadata: input.metadata,
            variants: variants.collect(),
            version: 1,
            created_at: now,
            updated_at: now,
            price: None,
            inventory: None,
        }
    }

    /// Applies changes, not yet validated; the version stays.
    pub(crate) fn update(&mut self, input: ProductUpdate) -> Result<(), Fault> {
        set(&mut self.title, input.title);
        input.product_type_id.apply(&mut self.product_type_id);
        input.external_id.apply(&mut self.external_id);
        set(&mut self.description, input.description);
        set(&mut self.status, input.status);
        set(&mut self.requires_shipping, input.requires_shipping);
        if let Some(options) = input.options {
            self.replace_options(options.into_vec());
        }
        set(&mut self.attributes, input.attributes.map(UniqueMap::into_map));
        set(&mut self.category_ids, input.category_ids.map(Items::into_vec));
        set(&mut self.channel_ids, input.channel_ids.map(Items::into_vec));
        set(&mut self.media, input.media.map(Items::into_vec));
        self.metadata.merge(input.metadata)?;
        Ok(())
    }

    /// Replaces the options; active variants keep their values by the option's position.
    pub(crate) fn replace_options(&mut self, options: Vec<ProductOption>) {
        for variant in self.variants.iter_mut().filter(|variant| variant.is_active()) {
            variant.options = carried_over(&self.options, &options, &variant.options);
        }
        self.options = options;
    }

    /// The position of a variant that is added after the others.
    pub(crate) fn next_position(&self) -> i32 {
        self.variants.iter().map(|variant| variant.position).max().unwrap_or_default().saturating_add(1)
    }

    /// Raises the version.
    pub(crate) fn bump_version(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }

    /// Sorts lists and derives the titles of variants, so that equal products have equal documents.
    pub(crate) fn normalise(&mut self) {
        self.category_ids.sort_unstable();
        self.category_ids.dedup();
        self.channel_ids.sort_unstable();
        self.channel_ids.dedup();
        for variant in self.variants.iter_mut().filter(|variant| variant.is_active()) {
            variant.set_title(&self.options);
        }
        self.variants.sort_by_key(|variant| (variant.position, variant.id));
    }

    /// Adds the violations of the whole product.
    pub(crate) fn check(&self, product_type: Option<&ProductType>, validator: &mut Validator) {
        validator.count("/collections", self.collections.len(), COLLECTIONS_MAX);
        check_options(&self.options, validator);
        self.check_variants(validator);
        match product_type {
            Some(product_type) => product_type.check(&self.attributes, self.status == ProductStatus::Active, validator),
            None if !self.attributes.is_empty() => {
                validator.fail("/attributes", ViolationCode::Excluded, "Only a product with a type has attributes.");
            }
            None => {}
        }
    }

    /// Refuses the product when it has a violation.
    pub(crate) fn validate(&self, product_type: Option<&ProductType>) -> Result<(), Fault> {
        let mut validator = Validator::default();
        self.check(product_type, &mut validator);
        validator.finish()
    }

    /// The members of a list item that the product itself knows, as JSON text without braces; the projection adds the others.
    pub(crate) fn list_members(&self) -> String {
        #[derive(Serialize)]
        struct OwnMembers<'a> {
            id: ProductId,
            title: &'a str,
        }
        // Plain fields: this cannot fail.
        let text = serde_json::to_string(&OwnMembers { id: self.id, title: self.title.as_str() }).unwrap_or_default();
        text.trim_start_matches('{').trim_end_matches('}').to_owned()
    }

    fn check_variants(&self, validator: &mut Validator) {
        let active = self.variants.iter().enumerate().filter(|(_, variant)| variant.is_active());
        let active: Vec<_> = active.collect();
        if active.is_empty() {
            validator.fail("/variants", ViolationCode::Count, "A product has at least one active variant.");
        }
        validator.count("/variants", active.len(), VARIANTS_MAX);
        validator.count("/variants", self.variants.len(), VARIANTS_EVER_MAX);
        let (mut combinations, mut skus) = (BTreeMap::new(), BTreeMap::new());
        for (index, variant) in active.into_iter().take(VARIANTS_MAX) {
            let at = format!("/variants/{index}");
            variant.check(&at, &self.options, validator);
            // A missing or an extra value is a violation of its own.
            let is_complete =
                self.options.iter().map(|option| &option.name).all(|name| variant.options.contains_key(name.as_str()))
                    && self.options.len() == variant.options.len();
            if combinations.insert(values_in_order(&self.options, &variant.options), index).is_some() && is_complete {
                validator.fail(
                    format!("{at}/options"),
                    ViolationCode::Duplicate,
                    "Two active variants have the same option values.",
                );
            }
            if skus.insert(&variant.sku, index).is_some() {
                validator.fail(format!("{at}/sku"), ViolationCode::Duplicate, "Two variants have this SKU.");
            }
        }
    }
}

impl Aggregate for Product {
    const NOUN: &'static str = "product";
    type Id = ProductId;

    fn id(&self) -> ProductId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn verb(&self) -> &'static str {
        match (self.version, self.status) {
            (1, _) => "created",
            (_, ProductStatus::Archived) => "archived",
            (_, ProductStatus::Draft | ProductStatus::Active) => "updated",
        }
    }
}
