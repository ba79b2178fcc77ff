//! What callers are told when payments refuse.

use bloom_fault::{Code, Fault, refuse_card_number};

use crate::domain::Refusal;

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::AmountNotPositive => {
                Self::invalid("/amount/amount", "not_positive", "An amount of money to move is above 0.")
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
            .at("/amount/amount", "too_large", format!("At most {left}.")),
            Refusal::ExceedsCaptured { left } => Self::new(
                Code::Unprocessable,
                "refund_exceeds_captured",
                format!("At most {left} minor units of this payment are left to refund."),
            )
            .at("/amount/amount", "too_large", format!("At most {left}.")),
            Refusal::Entangled => Self::new(
                Code::Conflict,
                "payment_entangled",
                "The provider takes back what later operations build on; an operator has to look.",
            ),
        }
    }
}

/// Refuses a text that is empty, too long or looks like a card number.
pub(crate) fn check_text(pointer: &str, text: &str, max: usize) -> Result<(), Fault> {
    if text.trim().is_empty() || max < text.chars().count() {
        return Err(Fault::invalid(pointer, "length", format!("Between 1 and {max} characters.")));
    }
    if text.contains('\0') {
        return Err(Fault::invalid(pointer, "character", "The character NUL cannot be stored."));
    }
    refuse_card_number(pointer, text)
}

/// No connection fits.
pub(crate) fn connection_missing() -> Fault {
    Fault::new(
        Code::Unprocessable,
        "payment_connection_missing",
        "There is no active payment connection for this. Create one under /v1/payments/connections.",
    )
}

/// This provider charges what a token stands for, and there is none.
pub(crate) fn token_missing() -> Fault {
    Fault::invalid("/token", "missing", "This payment provider needs the token of the payer's instrument.")
}

/// The payment or its checkout was opened by another request.
pub(crate) fn payment_exists() -> Fault {
    Fault::new(Code::Conflict, "payment_exists", "This checkout has a payment already; it has one at most.")
}

/// A void came before its payment.
pub(crate) fn payment_voided() -> Fault {
    Fault::new(Code::Conflict, "payment_voided", "This payment was given up before it was opened.")
}

/// The provider is left alone for a while.
pub(crate) fn provider_unavailable(why: impl Into<String>) -> Fault {
    Fault::new(Code::Unavailable, "payment_provider_unavailable", "The payment provider does not answer.")
        .retry_after(10)
        .source(why.into())
}
