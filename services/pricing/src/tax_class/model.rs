//! The tax class, its input and its changes.

use bloom_kernel::{TaxClassId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::{Code, Name};

/// A tax class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TaxClass {
    /// The class.
    pub id: TaxClassId,
    /// Unique among the classes.
    pub code: Code,
    /// Name for people.
    pub name: Name,
    /// Whether it is the class of things that name none; at most one class is.
    pub is_default: bool,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A tax class to create.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxClassCreate {
    /// Unique among the classes.
    pub code: Code,
    /// Name for people.
    pub name: Name,
    /// Replaces the present default class.
    #[serde(default)]
    pub is_default: bool,
}

/// Changes to a tax class; a field that is left out keeps its value.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxClassUpdate {
    /// Unique among the classes.
    #[serde(default)]
    pub code: Option<Code>,
    /// Name for people.
    #[serde(default)]
    pub name: Option<Name>,
    /// `true` replaces the present default class, `false` leaves the tenant without one.
    #[serde(default)]
    pub is_default: Option<bool>,
}

impl TaxClass {
    pub(crate) fn new(id: TaxClassId, now: Timestamp, input: TaxClassCreate) -> Self {
        let TaxClassCreate { code, name, is_default } = input;
        Self { id, code, name, is_default, version: 1, created_at: now, updated_at: now }
    }

    pub(crate) fn update(self, now: Timestamp, input: TaxClassUpdate) -> Self {
        Self {
            code: input.code.unwrap_or(self.code),
            name: input.name.unwrap_or(self.name),
            is_default: input.is_default.unwrap_or(self.is_default),
            version: self.version + 1,
            updated_at: now,
            ..self
        }
    }
}
