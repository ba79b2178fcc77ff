//! Collections: products chosen and ordered by hand.

use bloom_fault::Fault;
use bloom_kernel::{CollectionId, Metadata, MetadataPatch, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::patch::set;

/// Most placements in one request.
pub const PLACEMENTS_MAX: usize = 100;

/// A collection. Its products are listed by `GET /v1/catalog/products?collection=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// Unique code, for example `summer-sale`.
    pub code: String,
    /// What people call it.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Counts its changes.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A collection to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectionCreate {
    /// Unique code, for example `summer-sale`.
    pub code: String,
    /// What people call it.
    pub title: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a collection.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectionPatch {
    /// What people call it.
    #[serde(default)]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
}

/// Products to put into a collection, or to move within it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Placements {
    /// 1 to 100 products, each once.
    pub products: Vec<PlacedProduct>,
}

/// A product and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacedProduct {
    /// The product.
    pub product_id: ProductId,
    /// Its place, lowest first; any numbers, so leave gaps. Equal ones are ordered by age of the product.
    pub position: i64,
}

impl Placements {
    /// Checks number and repetition.
    pub fn validate(&self) -> Result<(), Fault> {
        let mut checks = Checks::default();
        if self.products.is_empty() {
            checks.fail("/products", "required", "Name at least one product.");
        }
        checks.count("/products", self.products.len(), PLACEMENTS_MAX);
        for (index, placed) in self.products.iter().enumerate().take(PLACEMENTS_MAX) {
            if self.products[..index].iter().any(|other| other.product_id == placed.product_id) {
                checks.fail(format!("/products/{index}/product_id"), "duplicate", "This product is named twice.");
            }
        }
        checks.finish()
    }
}

impl Collection {
    /// A new collection.
    pub fn create(id: CollectionId, input: CollectionCreate, now: Timestamp) -> Result<Self, Fault> {
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

    /// The collection after a change.
    pub fn patched(mut self, patch: CollectionPatch, now: Timestamp) -> Result<Self, Fault> {
        set(&mut self.title, patch.title);
        set(&mut self.description, patch.description);
        if let Some(metadata) = patch.metadata {
            self.metadata.merge(metadata)?;
        }
        self.version += 1;
        self.updated_at = now;
        self.validate()?;
        Ok(self)
    }

    fn validate(&self) -> Result<(), Fault> {
        let mut checks = Checks::default();
        checks.code("/code", &self.code);
        checks.text("/title", &self.title, 1, 255);
        checks.text("/description", &self.description, 0, 10_000);
        checks.finish()
    }
}
