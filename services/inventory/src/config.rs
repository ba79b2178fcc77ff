//! Settings of this service alone. There are none yet: database, bus and ports belong to the runtime.

/// Settings of inventory.
#[derive(Debug, Clone, Default)]
pub struct Config {}
