//! Why a call is refused.

use bloom_fault::Fault;

/// A refusal of payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentRefusal {
    /// There is no such payment.
    NotFound,
    /// The checkout has another payment, or the payment was opened by another operation.
    Exists,
    /// The payment was voided before it was opened.
    Voided,
    /// Nothing is authorised on it.
    NotAuthorised,
    /// Its authorisation is being voided.
    VoidInProgress,
    /// More than is left to capture.
    CaptureExceedsAuthorised,
    /// More than is left to refund.
    RefundExceedsCaptured,
    /// The tenant has no active connection for it.
    ConnectionMissing,
    /// The provider does not answer.
    ProviderUnavailable,
    /// The operation's id was used for another request.
    OperationReused,
}

impl PaymentRefusal {
    /// The refusal behind a fault; `None` for any other fault.
    pub fn from_fault(fault: &Fault) -> Option<Self> {
        Some(match &*fault.reason {
            "not_found" => Self::NotFound,
            "payment_exists" => Self::Exists,
            "payment_voided" => Self::Voided,
            "payment_not_authorised" => Self::NotAuthorised,
            "void_in_progress" => Self::VoidInProgress,
            "capture_exceeds_authorised" => Self::CaptureExceedsAuthorised,
            "refund_exceeds_captured" => Self::RefundExceedsCaptured,
            "payment_connection_missing" => Self::ConnectionMissing,
            "payment_provider_unavailable" => Self::ProviderUnavailable,
            "idempotency_key_reused" => Self::OperationReused,
            _ => return None,
        })
    }
}
