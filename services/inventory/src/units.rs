//! Numbers and texts with bounds that several resources of stock use.

use bloom_kernel::{Form, number, text};

/// The most lines of one hold, adjustment or change of an allocation.
pub(crate) const LINES_MAX: usize = 200;

number! {
    /// Units on hand, or in a setting of an item.
    pub struct Units(i64) { range: 0..=1_000_000_000, default: 0, example: 40 }
}

number! {
    /// Units that are held, shipped or given back.
    pub struct StockQuantity(i64) { range: 1..=1_000_000_000, example: 2 }
}

number! {
    /// Units of a correction; their sign depends on its kind.
    pub struct UnitsDelta(i64) { range: { -1_000_000_000 }..=1_000_000_000, example: 5 }
}

number! {
    /// Seconds that a hold lasts without being extended; at most 31 days.
    pub struct HoldSeconds(i64) { range: 1..=2_678_400, default: 600, example: 600 }
}

text! {
    /// The caller's name of a line or of an operation.
    pub struct CallerName { length: 1..=100, form: Form::LINE, example: "line-1" }
}

text! {
    /// Why stock was corrected, for the ledger.
    pub struct Reason { length: 0..=255, form: Form::LINES, example: "Damaged in transport" }
}
