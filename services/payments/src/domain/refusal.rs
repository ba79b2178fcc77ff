//! Why a payment does not allow what is asked of it.

/// A rule that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Amounts of money to move are above zero.
    #[error("the amount must be above 0")]
    AmountNotPositive,
    /// Nothing is authorised yet, or no longer.
    #[error("the payment is not authorised")]
    NotAuthorised,
    /// The authorisation is being given up.
    #[error("the authorisation is being voided")]
    Voiding,
    /// More than what is authorised and still free.
    #[error("at most {left} minor units are left to capture")]
    ExceedsAuthorised {
        /// Minor units still free.
        left: i64,
    },
    /// More than what was captured and still free.
    #[error("at most {left} minor units are left to refund")]
    ExceedsCaptured {
        /// Minor units still free.
        left: i64,
    },
    /// The provider takes back what later operations build on.
    #[error("what the provider takes back was used by later operations")]
    Entangled,
}
