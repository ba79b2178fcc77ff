//! What an aggregate says about itself: enough to publish it and to guard it.

use std::fmt::Display;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something with an id and a version that is changed as a whole, answered by REST, and published after each change. One struct
/// serves REST, event and webhook.
pub trait Aggregate: Serialize {
    /// Its name in events: `location` in `bloom.inventory.location.updated`.
    const NOUN: &'static str;

    /// Its id; with the tenant, the key that the order of its events is kept by.
    type Id: Display + FromStr + Send;

    /// Its id.
    fn id(&self) -> Self::Id;

    /// Its version, which rises by one with each change: the `ETag`.
    fn version(&self) -> i64;

    /// What its latest change is called.
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
