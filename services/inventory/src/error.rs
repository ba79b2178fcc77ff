//! What inventory refuses, and which broken constraint means what.

use bloom_db::idempotency;
use bloom_fault::{Code, Fault, constraint};

use crate::domain::allocate::Shortage;
use crate::domain::hold::Ended;

/// A refusal of this service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another location has the code.
    CodeTaken,
    /// The variant has an item at the location already.
    ItemExists,
    /// There is less than asked for, in these lines.
    InsufficientStock(Vec<Shortage>),
    /// The hold has ended.
    HoldEnded,
    /// The hold was committed to another order.
    HoldCommitted,
    /// The order has fewer units allocated than are to leave or to be given back, in these lines.
    AllocationExceeded(Vec<Shortage>),
    /// On hand would fall below zero.
    OnHandNegative,
    /// The id came before with another request.
    IdReused,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let conflict = |reason, detail| Self::new(Code::Conflict, reason, detail);
        match refusal {
            Refusal::CodeTaken => conflict("location_code_taken", "Another location has this code.").at(
                "/code",
                "taken",
                "Another location has this code.",
            ),
            Refusal::ItemExists => conflict("item_exists", "The variant has an item at this location already; change that one."),
            Refusal::InsufficientStock(shortages) => lines(
                conflict("insufficient_stock", "There are fewer units than asked for; see errors. Nothing was held."),
                &shortages,
                "insufficient_stock",
                "available",
            ),
            Refusal::HoldEnded => conflict("hold_expired", "The hold has ended. Hold the units again."),
            Refusal::HoldCommitted => conflict("hold_committed", "The hold was committed to another order."),
            Refusal::AllocationExceeded(shortages) => lines(
                conflict(
                    "allocation_exceeded",
                    "The order has fewer units allocated than named; see errors. Nothing was changed.",
                ),
                &shortages,
                "allocation_exceeded",
                "allocated",
            ),
            Refusal::OnHandNegative => conflict(
                "on_hand_out_of_range",
                "On hand would fall below zero, or rise above what can be counted. Nothing was changed.",
            ),
            Refusal::IdReused => idempotency::reused(),
        }
    }
}

fn lines(fault: Fault, shortages: &[Shortage], code: &str, what: &str) -> Fault {
    shortages.iter().fold(fault, |fault, shortage| {
        fault.at(format!("/lines/{}", shortage.line), code, format!("{} {what}", shortage.sellable))
    })
}

impl From<Ended> for Refusal {
    fn from(_: Ended) -> Self {
        Self::HoldEnded
    }
}

impl From<Ended> for Fault {
    fn from(ended: Ended) -> Self {
        Refusal::from(ended).into()
    }
}

/// What a failed statement means: a constraint by its name, anything else by the common table.
pub fn database(error: sqlx::Error) -> Fault {
    match constraint(&error) {
        Some("location_code_key") => Refusal::CodeTaken.into(),
        Some("stock_item_pkey") => Refusal::ItemExists.into(),
        Some("stock_item_location_fkey") => Fault::not_found("location"),
        Some("stock_item_on_hand_check") => Refusal::OnHandNegative.into(),
        _ => error.into(),
    }
}
