//! The collection, and the positions of products in it.

use bloom_fault::Fault;
use bloom_kernel::{Aggregate, CollectionId, Items, Metadata, MetadataPatch, ProductId, Timestamp, ViolationCode, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::validator::Validator;
use crate::values::{CollectionDescription, ObjectCode, Title};

/// Most placements in one request.
pub(crate) const PLACEMENTS_MAX: usize = 100;

/// A collection. Its products are listed by `GET /v1/catalog/products?collection=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Collection {
    pub(crate) id: CollectionId,
    /// Unique code, for example `summer-sale`.
    pub(crate) code: ObjectCode,
    /// Display name.
    pub(crate) title: Title,
    /// Text for shoppers.
    pub(crate) description: CollectionDescription,
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
    pub(crate) code: ObjectCode,
    /// Display name.
    pub(crate) title: Title,
    /// Text for shoppers.
    #[serde(default)]
    pub(crate) description: CollectionDescription,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

update! {
    /// Changes of a collection.
    pub(crate) struct CollectionUpdate {
        /// Display name.
        pub(crate) title: Option<Title>,
        /// Text for shoppers.
        pub(crate) description: Option<CollectionDescription>,
        /// Merged into the present metadata; `null` removes a key.
        pub(crate) metadata: MetadataPatch,
    }
}

/// Products to put into a collection, or to move in it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placements {
    /// 1 to 100 products, each once.
    pub(crate) products: Items<PlacedProduct, 1, PLACEMENTS_MAX>,
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
    /// Refuses a product that is named twice.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        let mut validator = Validator::default();
        for (index, placed) in self.products.iter().enumerate() {
            if self.products[..index].iter().any(|other| other.product_id == placed.product_id) {
                let at = format!("/products/{index}/product_id");
                validator.fail(at, ViolationCode::Duplicate, "This product is named twice.");
            }
        }
        validator.finish()
    }
}

impl Collection {
    /// A new collection.
    pub(crate) fn new(id: CollectionId, now: Timestamp, input: CollectionCreate) -> Self {
        let CollectionCreate { code, title, description, metadata } = input;
        Self { id, code, title, description, metadata, version: 1, created_at: now, updated_at: now }
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: CollectionUpdate) -> Result<(), Fault> {
        let CollectionUpdate { title, description, metadata } = input;
        set(&mut self.title, title);
        set(&mut self.description, description);
        self.metadata.merge(metadata)?;
        self.version += 1;
        self.updated_at = now;
        Ok(())
    }
}

impl Aggregate for Collection {
    const NOUN: &'static str = "collection";
    type Id = CollectionId;

    fn id(&self) -> CollectionId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
