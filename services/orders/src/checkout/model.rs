//! The checkout as its buyer sees it.

use bloom_kernel::{CartId, CheckoutId, OrderId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::order::Order;

/// The status of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckoutStatus {
    /// It is being worked on.
    Processing,
    /// The provider has not answered yet whether the payment succeeds.
    PaymentPending,
    /// The payer has to do something first; see `action`.
    ActionRequired,
    /// It failed and is being undone.
    Compensating,
    /// The order is placed.
    Completed,
    /// It failed and has left nothing; the cart can be bought again.
    Failed,
}

impl CheckoutStatus {
    const ALL: [Self; 6] =
        [Self::Processing, Self::PaymentPending, Self::ActionRequired, Self::Compensating, Self::Completed, Self::Failed];

    /// The stored word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::PaymentPending => "payment_pending",
            Self::ActionRequired => "action_required",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The status of a stored word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// True while it may still become an order.
    pub(crate) const fn may_place(self) -> bool {
        match self {
            Self::Processing | Self::PaymentPending | Self::ActionRequired => true,
            Self::Compensating | Self::Completed | Self::Failed => false,
        }
    }
}

/// What the payer must do, for example 3-D Secure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CheckoutAction {
    /// `redirect`: send the browser to `url`.
    pub r#type: String,
    /// The page.
    pub url: String,
}

/// The last event of a failed checkout that was purged.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tombstone {
    /// The checkout.
    pub id: CheckoutId,
    /// Always true.
    pub deleted: bool,
    /// Its last version.
    pub version: i64,
}

/// A checkout. Events carry the same document without the order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Checkout {
    /// Its id.
    pub id: CheckoutId,
    /// Its status.
    pub status: CheckoutStatus,
    /// The cart.
    pub cart_id: CartId,
    /// The order, once it is placed.
    pub order_id: Option<OrderId>,
    /// The order as it was placed; absent in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The payment, once it was asked for.
    pub payment_id: Option<PaymentId>,
    /// What the payer must do.
    pub action: Option<CheckoutAction>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it fails unless it has ended by then.
    pub expires_at: Timestamp,
    /// Rises with every change.
    pub version: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
