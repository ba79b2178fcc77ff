//! Collections: products chosen and ordered by hand.

use bloom_fault::Fault;
use bloom_kernel::{CollectionId, Metadata, MetadataPatch, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::merge_patch::set;
use crate::validator::Validator;

/// Most placements in one request.
pub(crate) const PLACEMENTS_MAX: usize = 100;

/// A collection. Its products are listed by `GET /v1/catalog/products?collection=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Collection {
    pub(crate) id: CollectionId,
    /// Unique code, for example `summer-sale`.
    pub(crate) code: String,
    /// Display name.
    pub(crate) title: String,
    /// Text for shoppers.
    pub(crate) description: String,
    /// The merchant's own data.
    pub(crate) metadata: Metadata,
    /// Version, raised by each change.
    pub(crate) version: i64,
    /// When it was created.
    pub(crate) created_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
}

/// Input to create a collection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionCreate {
    /// Unique code, for example `summer-sale`.
    pub(crate) code: String,
    /// Display name.
    pub(crate) title: String,
    /// Text for shoppers.
    #[serde(default)]
    pub(crate) description: String,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// Changes of a collection.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionUpdate {
    /// Display name.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Text for shoppers.
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
}

/// Products to put into a collection, or to move in it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placements {
    /// 1 to 100 products, each once.
    pub(crate) products: Vec<PlacedProduct>,
}

/// A product and its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlacedProduct {
    /// The product.
    pub(crate) product_id: ProductId,
    /// Its position, lowest first; any numbers, so leave gaps. Equal ones are ordered by the product's age.
    pub(crate) position: i64,
}

impl Placements {
    /// Refuses too many products, and one that is named twice.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        let mut validator = Validator::default();
        if self.products.is_empty() {
            validator.fail("/products", "required", "Name at least one product.");
        }
        validator.count("/products", self.products.len(), PLACEMENTS_MAX);
        for (index, placed) in self.products.iter().enumerate().take(PLACEMENTS_MAX) {
            if self.products[..index].iter().any(|other| other.product_id == placed.product_id) {
                validator.fail(format!("/products/{index}/product_id"), "duplicate", "This product is named twice.");
            }
        }
        validator.finish()
    }
}

impl Collection {
    /// A new collection.
    pub(crate) fn new(id: CollectionId, now: Timestamp, input: CollectionCreate) -> Result<Self, Fault> {
        let collection = Self {
            id,
            code: input.code,
            title: input.title,
            description: input.description,
            metadata: input.metadata,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        collection.validate()?;
        Ok(collection)
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: CollectionUpdate) -> Result<(), Fault> {
        set(&mut self.title, input.title);
        set(&mut self.description, input.description);
        if let Some(metadata) = input.metadata {
            self.metadata.merge(metadata)?;
        }
        self.version += 1;
        self.updated_at = now;
        self.validate()
    }

    fn validate(&self) -> Result<(), Fault> {
        let mut validator = Validator::default();
        validator.code("/code", &self.code);
        validator.text("/title", &self.title, 1, 255);
        validator.text("/description", &self.description, 0, 10_000);
        validator.finish()
    }
}
