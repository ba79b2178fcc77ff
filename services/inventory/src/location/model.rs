//! A location, its input, and how it changes.

use bloom_kernel::{Aggregate, Code, LocationId, Name, Priority, Timestamp, set, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place where stock lies: a warehouse, a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Location {
    /// The id.
    pub id: LocationId,
    /// Its code in files and messages; unique.
    pub code: Code,
    /// The name.
    pub name: Name,
    /// Lower numbers are asked for units first.
    pub priority: Priority,
    /// Whether its units are for sale.
    pub active: bool,
    /// Rises with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A new location.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationCreate {
    /// Its code in files and messages; unique.
    pub code: Code,
    /// The name.
    pub name: Name,
    /// Lower numbers are asked for units first.
    #[serde(default)]
    pub priority: Priority,
    /// Whether its units are for sale.
    #[serde(default = "for_sale")]
    pub active: bool,
}

fn for_sale() -> bool {
    true
}

update! {
    /// A change of a location; a field that is absent stays as it is.
    pub struct LocationUpdate {
        /// A new code.
        pub code: Option<Code>,
        /// A new name.
        pub name: Option<Name>,
        /// A new priority.
        pub priority: Option<Priority>,
        /// Whether its units are for sale.
        pub active: Option<bool>,
    }
}

impl Location {
    pub(super) fn new(id: LocationId, now: Timestamp, input: LocationCreate) -> Self {
        let LocationCreate { code, name, priority, active } = input;
        Self { id, code, name, priority, active, version: 1, created_at: now, updated_at: now }
    }

    pub(super) fn update(&mut self, now: Timestamp, input: LocationUpdate) {
        let LocationUpdate { code, name, priority, active } = input;
        set(&mut self.code, code);
        set(&mut self.name, name);
        set(&mut self.priority, priority);
        set(&mut self.active, active);
        self.version += 1;
        self.updated_at = now;
    }
}

impl Aggregate for Location {
    const NOUN: &'static str = "location";
    type Id = LocationId;

    fn id(&self) -> LocationId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
