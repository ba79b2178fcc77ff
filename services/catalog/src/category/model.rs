//! The category. That categories form a tree is enforced by the database (`migrations/catalog/0102_categories.sql`).

use bloom_fault::Fault;
use bloom_kernel::{Aggregate, CategoryId, Metadata, MetadataPatch, Patch, Timestamp, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::CategoryName;

/// Deepest level of the tree; roots are on the first.
pub(crate) const DEPTH_MAX: usize = 16;

/// A node of the category tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Category {
    pub(crate) id: CategoryId,
    /// The category above it; `null` for a root.
    pub(crate) parent_id: Option<CategoryId>,
    /// Its name, unique among its siblings.
    pub(crate) name: CategoryName,
    /// Order among its siblings, lowest first.
    pub(crate) position: i32,
    /// The merchant's own data.
    pub(crate) metadata: Metadata,
    /// Version, raised by each change.
    pub(crate) version: i64,
    /// When it was created.
    pub(crate) created_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
}

/// Input to create a category.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryCreate {
    /// The category above it; absent for a root.
    #[serde(default)]
    pub(crate) parent_id: Option<CategoryId>,
    /// Its name, unique among its siblings. A `/` is not allowed: imports write paths with it.
    pub(crate) name: CategoryName,
    /// Order among its siblings, lowest first.
    #[serde(default)]
    pub(crate) position: i32,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

update! {
    /// Changes of a category. A new `parent_id` moves it with everything below it.
    pub(crate) struct CategoryUpdate {
        /// The category above it; `null` makes it a root.
        pub(crate) parent_id: Patch<CategoryId>,
        /// Its name.
        pub(crate) name: Option<CategoryName>,
        /// Order among its siblings.
        pub(crate) position: Option<i32>,
        /// Merged into the present metadata; `null` removes a key.
        pub(crate) metadata: MetadataPatch,
    }
}

impl Category {
    /// A new category.
    pub(crate) fn new(id: CategoryId, now: Timestamp, input: CategoryCreate) -> Self {
        let CategoryCreate { parent_id, name, position, metadata } = input;
        Self { id, parent_id, name, position, metadata, version: 1, created_at: now, updated_at: now }
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: CategoryUpdate) -> Result<(), Fault> {
        let CategoryUpdate { parent_id, name, position, metadata } = input;
        parent_id.apply(&mut self.parent_id);
        set(&mut self.name, name);
        set(&mut self.position, position);
        self.metadata.merge(metadata)?;
        self.version += 1;
        self.updated_at = now;
        Ok(())
    }
}

impl Aggregate for Category {
    const NOUN: &'static str = "category";
    type Id = CategoryId;

    fn id(&self) -> CategoryId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
