//! The category tree. That it is a tree is enforced by the database (`migrations/catalog/0102_categories.sql`).

use bloom_fault::Fault;
use bloom_kernel::{CategoryId, Metadata, MetadataPatch, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::patch::{nullable, set};

/// Deepest level of the tree; roots are on the first.
pub const DEPTH_MAX: usize = 16;
/// Most characters of a name.
pub const NAME_CHARS_MAX: usize = 100;

/// A node of the category tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// The category above it; `null` for a root.
    pub parent_id: Option<CategoryId>,
    /// Its name, unique among its siblings.
    pub name: String,
    /// Order among its siblings, lowest first.
    pub position: i32,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Counts its changes.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A category to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryCreate {
    /// The category above it; absent for a root.
    #[serde(default)]
    pub parent_id: Option<CategoryId>,
    /// Its name, unique among its siblings. A `/` is not allowed: imports write paths with it.
    pub name: String,
    /// Order among its siblings, lowest first.
    #[serde(default)]
    pub position: i32,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a category. A new `parent_id` moves it with everything below it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryPatch {
    /// The category above it; `null` makes it a root.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<Option<CategoryId>>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Order among its siblings.
    #[serde(default)]
    pub position: Option<i32>,
    /// Merged into the present metadata; `null` removes a key.
    #[serde(default)]
    pub metadata: Option<MetadataPatch>,
}

impl Category {
    /// A new category.
    pub fn create(id: CategoryId, input: CategoryCreate, now: Timestamp) -> Result<Self, Fault> {
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

    /// The category after a change.
    pub fn patched(mut self, patch: CategoryPatch, now: Timestamp) -> Result<Self, Fault> {
        set(&mut self.parent_id, patch.parent_id);
        set(&mut self.name, patch.name);
        set(&mut self.position, patch.position);
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
        check_name("/name", &self.name, &mut checks);
        checks.finish()
    }
}

/// Checks the name of a category.
pub fn check_name(pointer: &str, name: &str, checks: &mut Checks) {
    checks.text(pointer, name, 1, NAME_CHARS_MAX);
    if name.contains('/') || name != name.trim() {
        checks.fail(pointer, "category_name", "A category's name holds no `/` and does not begin or end with a space.");
    }
}
