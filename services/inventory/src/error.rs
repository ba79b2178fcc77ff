//! The refusals of inventory, and the meaning of each violated constraint.

use bloom_db::{Constraints, idempotency};
use bloom_fault::{Code, Fault};
use bloom_kernel::ViolationCode;

/// The constraints that input can violate.
pub(crate) const CONSTRAINTS: Constraints = &[
    ("location_code_key", || {
        let detail = "Another location has this code.";
        conflict("location_code_taken", detail).at("/code", ViolationCode::Taken, detail)
    }),
    ("stock_item_pkey", || conflict("item_exists", "The variant has an item at this location already; change that one.")),
    ("stock_item_location_fkey", || Fault::not_found("location")),
    ("stock_item_on_hand_check", on_hand_out_of_range),
];

/// A line that requests more units than are available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// Index of the line.
    pub line: usize,
    /// Units available to it, together with the other lines of its item.
    pub sellable: i64,
}

fn conflict(reason: &'static str, detail: &str) -> Fault {
    Fault::new(Code::Conflict, reason, detail)
}

pub(crate) fn on_hand_out_of_range() -> Fault {
    let detail = "On hand would fall below zero, or rise above what can be counted. Nothing was changed.";
    conflict("on_hand_out_of_range", detail)
}

/// The refusal when these lines request more than is available.
pub(crate) fn insufficient_stock(shortages: &[Shortage]) -> Fault {
    let detail = "There are fewer units than asked for; see errors. Nothing was held.";
    lines(conflict("insufficient_stock", detail), shortages, "available")
}

/// The refusal when these lines ship or release more units than the order has allocated.
pub(crate) fn allocation_exceeded(shortages: &[Shortage]) -> Fault {
    let detail = "The order has fewer units allocated than named; see errors. Nothing was changed.";
    lines(conflict("allocation_exceeded", detail), shortages, "allocated")
}

fn lines(fault: Fault, shortages: &[Shortage], what: &str) -> Fault {
    shortages.iter().fold(fault, |fault, shortage| {
        fault.at(format!("/lines/{}", shortage.line), ViolationCode::OutOfRange, format!("{} {what}", shortage.sellable))
    })
}

pub(crate) fn hold_expired() -> Fault {
    conflict("hold_expired", "The hold has ended. Hold the units again.")
}

pub(crate) fn hold_committed() -> Fault {
    conflict("hold_committed", "The hold was committed to another order.")
}

/// The refusal of an id that was used for another request.
pub(crate) fn id_reused() -> Fault {
    idempotency::reused()
}
