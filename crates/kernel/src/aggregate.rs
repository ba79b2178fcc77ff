//! The properties of an aggregate that are needed to publish it and to detect concurrent changes.

use std::fmt::Display;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A resource with an id and a version that is changed as a whole, returned by REST, and published after each change.
/// One struct serves REST, event and webhook.
pub trait Aggregate: Serialize {
    /// Its name in events: `location` in `bloom.inventory.location.updated`.
    const NOUN: &'static str;

    /// The type of its id. Tenant and id form the key within which its events are ordered.
    type Id: Display + FromStr + Send;

    /// Its id.
    fn id(&self) -> Self::Id;

    /// Its version, incremented by each change: the `ETag`.
    fn version(&self) -> i64;

    /// The verb of its latest change.
    fn verb(&self) -> &'static str {
        if self.version() == 1 { "created" } else { "updated" }
    }
}

/// The document of an event that says that something was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tombstone {
    /// Id of what was deleted.
    pub id: String,
    /// Always true.
    pub deleted: bool,
    /// One above its last version.
    pub version: i64,
}
