//! The category tree. That it is a tree is enforced by the database (`migrations/catalog/0102_categories.sql`).

use bloom_fault::Fault;
use bloom_kernel::{CategoryId, Metadata, MetadataPatch, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::merge_patch::{nullable, set};
use crate::validator::Validator;

/// Deepest level of the tree; roots are on the first.
pub(crate) const DEPTH_MAX: usize = 16;
/// Most characters of a name.
pub(crate) const NAME_CHARS_MAX: usize = 100;

/// A node of the category tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Category {
    pub(crate) id: CategoryId,
    /// The category above it; `null` for a root.
    pub(crate) parent_id: Option<CategoryId>,
    /// Its name, unique among its siblings.
    pub(crate) name: String,
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
    pub(crate) name: String,
    /// Order among its siblings, lowest first.
    #[serde(default)]
    pub(crate) position: i32,
    /// The merchant's own data.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// Changes of a category. A new `parent_id` moves it with everything below it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryUpdate {
    /// The category above it; `null` makes it a root.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<Option<CategoryId>>,
    /// Its name.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Order among its siblings.
    #[serde(default)]
    pub(crate) position: Option<i32>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub(crate) metadata: Option<MetadataPatch>,
}

impl Category {
    /// A new category.
    pub(crate) fn new(id: CategoryId, now: Timestamp, input: CategoryCreate) -> Result<Self, Fault> {
        let category = Self {
            id,
            parent_id: input.parent_id,
            name: input.name,
            position: input.position,
            metadata: input.metadata,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        category.validate()?;
        Ok(category)
    }

    /// Applies changes.
    pub(crate) fn update(&mut self, now: Timestamp, input: CategoryUpdate) -> Result<(), Fault> {
        set(&mut self.parent_id, input.parent_id);
        set(&mut self.name, input.name);
        set(&mut self.position, input.position);
        if let Some(metadata) = input.metadata {
            self.metadata.merge(metadata)?;
        }
        self.version += 1;
        self.updated_at = now;
        self.validate()
    }

    fn validate(&self) -> Result<(), Fault> {
        let mut validator = Validator::default();
        check_name("/name", &self.name, &mut validator);
        validator.finish()
    }
}

/// Checks the name of a category.
pub(crate) fn check_name(pointer: &str, name: &str, validator: &mut Validator) {
    validator.text(pointer, name, 1, NAME_CHARS_MAX);
    if name.contains('/') || name != name.trim() {
        validator.fail(pointer, "category_name", "A category's name holds no `/` and does not begin or end with a space.");
    }
}
