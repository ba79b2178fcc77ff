//! The steps of the saga.

/// A step of the saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The cart is frozen.
    FreezeCart,
    /// Units are held.
    HoldStock,
    /// The amount is authorised.
    AuthorisePayment,
    /// The order is placed.
    PlaceOrder,
    /// The held units are allocated.
    CommitHold,
    /// The cart is completed.
    CompleteCart,
}

/// All steps, in order.
pub const STEPS: [Step; 6] =
    [Step::FreezeCart, Step::HoldStock, Step::AuthorisePayment, Step::PlaceOrder, Step::CommitHold, Step::CompleteCart];

impl Step {
    /// True once the order is placed.
    pub const fn is_past_placing(self) -> bool {
        match self {
            Self::FreezeCart | Self::HoldStock | Self::AuthorisePayment | Self::PlaceOrder => false,
            Self::CommitHold | Self::CompleteCart => true,
        }
    }
}
