//! SQL, one statement a function. Row-level security adds the tenant to every condition; inserts name it.
//!
//! Locks are taken in one order everywhere: a hold before items, items by (variant, location). Nothing changes levels or
//! lines of holds without the lock on their items.

pub mod check;
pub mod export;
pub mod hold;
pub mod item;
pub mod location;
pub mod movement;
pub mod operation;
pub mod stock;
