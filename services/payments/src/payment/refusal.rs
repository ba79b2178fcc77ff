//! The reasons to refuse an operation on a payment, and their faults.

use bloom_fault::{Code, Fault};
use bloom_kernel::{OrderId, ViolationCode};

/// A rule that is violated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The money of an order is moved through the order.
    #[error("the payment belongs to the order {0}")]
    BelongsToOrder(OrderId),
    /// Amounts of money to move are above zero.
    #[error("the amount must be above 0")]
    AmountNotPositive,
    /// Nothing is authorised yet, or no longer.
    #[error("the payment is not authorised")]
    NotAuthorised,
    /// The authorisation is being given up.
    #[error("the authorisation is being voided")]
    Voiding,
    /// More than what is authorised and not reserved.
    #[error("at most {left} minor units are left to capture")]
    ExceedsAuthorised { left: i64 },
    /// More than what was captured and is not reserved.
    #[error("at most {left} minor units are left to refund")]
    ExceedsCaptured { left: i64 },
    /// The provider reverses an operation on which later operations depend.
    #[error("what the provider takes back was used by later operations")]
    Entangled,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BelongsToOrder(order) => Self::new(
                Code::Conflict,
                "payment_belongs_to_order",
                format!(
                    "This payment belongs to an order, which moves its money. Ask /v1/orders/{order} instead; while there is no such order, its checkout decides, and gives the money back when it fails."
                ),
            ),
            Refusal::AmountNotPositive => {
                Self::invalid("/amount/amount", ViolationCode::OutOfRange, "An amount of money to move is above 0.")
            }
            Refusal::NotAuthorised => Self::new(
                Code::Conflict,
                "payment_not_authorised",
                "Nothing is authorised on this payment, so nothing can be captured.",
            ),
            Refusal::Voiding => {
                Self::new(Code::Conflict, "void_in_progress", "The authorisation of this payment is being given up.")
            }
            Refusal::ExceedsAuthorised { left } => Self::new(
                Code::Unprocessable,
                "capture_exceeds_authorised",
                format!("At most {left} minor units of this payment are left to capture."),
            )
            .at("/amount/amount", ViolationCode::OutOfRange, format!("At most {left}.")),
            Refusal::ExceedsCaptured { left } => Self::new(
                Code::Unprocessable,
                "refund_exceeds_captured",
                format!("At most {left} minor units of this payment are left to refund."),
            )
            .at("/amount/amount", ViolationCode::OutOfRange, format!("At most {left}.")),
            Refusal::Entangled => Self::new(
                Code::Conflict,
                "payment_entangled",
                "The provider takes back what later operations build on; an operator has to look.",
            ),
        }
    }
}

/// The provider charges a token of the payer's instrument, and there is none.
pub(super) fn token_missing() -> Fault {
    Fault::invalid("/token", ViolationCode::Required, "This payment provider needs the token of the payer's instrument.")
}

/// The payment or its checkout was opened by another request.
pub(super) fn payment_exists() -> Fault {
    Fault::new(Code::Conflict, "payment_exists", "This checkout has a payment already; it has one at most.")
}
