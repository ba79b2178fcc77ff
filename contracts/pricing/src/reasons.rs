//! Why pricing refuses a quote.

use bloom_fault::{Code, Fault};

/// The refusals of [`PricingClient::quote`](crate::PricingClient::quote) that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteRefusal {
    /// A line or the delivery names a tax class that the tenant does not have.
    UnknownTaxClass,
    /// An amount does not fit into 64 bits of minor units.
    AmountOutOfRange,
}

impl QuoteRefusal {
    /// The refusal behind a fault; `None` for any other fault.
    pub fn from_fault(fault: &Fault) -> Option<Self> {
        let names_class = || fault.errors.iter().any(|violation| violation.pointer.ends_with("/tax_class_id"));
        match fault.code {
            Code::NotFound if names_class() => Some(Self::UnknownTaxClass),
            Code::Unprocessable if fault.reason == "amount_out_of_range" => Some(Self::AmountOutOfRange),
            _ => None,
        }
    }
}
