//! The tax class, its input and its changes.

use bloom_kernel::{Aggregate, Name, TaxClassId, Timestamp, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::Code;

/// A tax class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaxClass {
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
pub struct TaxClassCreate {
    /// Unique among the classes.
    pub code: Code,
    /// Name for people.
    pub name: Name,
    /// Replaces the present default class.
    #[serde(default)]
    pub is_default: bool,
}

update! {
    /// Changes to a tax class; a field that is left out keeps its value.
    pub struct TaxClassUpdate {
        /// Unique among the classes.
        pub code: Option<Code>,
        /// Name for people.
        pub name: Option<Name>,
        /// `true` replaces the present default class, `false` leaves the tenant without one.
        pub is_default: Option<bool>,
    }
}

impl TaxClass {
    pub(super) fn new(id: TaxClassId, now: Timestamp, input: TaxClassCreate) -> Self {
        let TaxClassCreate { code, name, is_default } = input;
        Self { id, code, name, is_default, version: 1, created_at: now, updated_at: now }
    }

    pub(super) fn update(&mut self, now: Timestamp, input: TaxClassUpdate) {
        let TaxClassUpdate { code, name, is_default } = input;
        set(&mut self.code, code);
        set(&mut self.name, name);
        set(&mut self.is_default, is_default);
        self.version += 1;
        self.updated_at = now;
    }
}

impl Aggregate for TaxClass {
    const NOUN: &'static str = "tax_class";
    type Id = TaxClassId;

    fn id(&self) -> TaxClassId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
