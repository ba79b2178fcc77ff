//! What stock is and how it may change. Pure: no database, no clock, nothing async.

pub mod allocate;
pub mod hold;
pub mod item;
pub mod location;
pub mod movement;

/// The most units that one line or one row may name.
pub const QUANTITY_MAX: i64 = 1_000_000_000;

/// The most lines that one hold, adjustment or change of an allocation may have.
pub const LINES_MAX: usize = 200;

/// True for a number of units that somebody may ask for.
pub fn is_quantity(quantity: i64) -> bool {
    (1..=QUANTITY_MAX).contains(&quantity)
}
