//! Why a cart cannot be frozen, completed or bought.

use bloom_fault::Fault;

/// The reason of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CartRefusal {
    /// Another checkout has frozen the cart.
    Frozen,
    /// The cart has become an order.
    Completed,
    /// This checkout has unfrozen the cart already.
    CheckoutEnded,
    /// The cart changed during every attempt; a retry may succeed.
    Busy,
    /// The buyer has to add something that is missing.
    Incomplete,
    /// A line has more units than can be sold.
    InsufficientStock,
    /// A price differs from the one in the cart.
    PriceChanged,
    /// A line is not on sale in the channel.
    NotPublished,
    /// A line has no price in the currency.
    NotPriced,
    /// The chosen delivery option does not serve the cart.
    DeliveryOptionUnavailable,
}

impl CartRefusal {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Frozen,
        Self::Completed,
        Self::CheckoutEnded,
        Self::Busy,
        Self::Incomplete,
        Self::InsufficientStock,
        Self::PriceChanged,
        Self::NotPublished,
        Self::NotPriced,
        Self::DeliveryOptionUnavailable,
    ];

    /// The reason on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "cart_frozen",
            Self::Completed => "cart_completed",
            Self::CheckoutEnded => "checkout_ended",
            Self::Busy => "busy",
            Self::Incomplete => "cart_incomplete",
            Self::InsufficientStock => "insufficient_stock",
            Self::PriceChanged => "price_changed",
            Self::NotPublished => "not_published",
            Self::NotPriced => "not_priced",
            Self::DeliveryOptionUnavailable => "delivery_option_unavailable",
        }
    }

    /// The reason of a refusal by cart; `None` for any other fault.
    pub fn from_fault(fault: &Fault) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.as_str() == fault.reason)
    }
}
