//! A place where stock lies.

use bloom_kernel::{LocationId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// The greatest priority number, which is asked last.
pub const PRIORITY_MAX: i32 = 1_000_000;

/// A place where stock lies: a warehouse, a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Location {
    /// The id.
    pub id: LocationId,
    /// What people and files call it; unique.
    pub code: String,
    /// The name.
    pub name: String,
    /// The lower the number, the earlier the location is asked for units.
    pub priority: i32,
    /// Whether its units are for sale.
    pub active: bool,
    /// Rises with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What shall be different; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct LocationChange {
    /// A new code.
    pub code: Option<String>,
    /// A new name.
    pub name: Option<String>,
    /// A new priority.
    pub priority: Option<i32>,
    /// Whether its units are for sale.
    pub active: Option<bool>,
}

impl Location {
    /// The location after a change.
    #[must_use]
    pub fn changed(self, change: LocationChange, now: Timestamp) -> Self {
        Self {
            code: change.code.unwrap_or(self.code),
            name: change.name.unwrap_or(self.name),
            priority: change.priority.unwrap_or(self.priority),
            active: change.active.unwrap_or(self.active),
            version: self.version + 1,
            updated_at: now,
            ..self
        }
    }
}

/// True for 1 to 40 letters, digits, dots, dashes and underscores that begin with a letter or a digit.
pub fn is_code(code: &str) -> bool {
    let begins = code.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    begins && code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
