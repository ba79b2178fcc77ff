//! The checkout as its buyer sees it.

use bloom_kernel::{Aggregate, CartId, CheckoutId, OrderId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::order::Order;

/// The status of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CheckoutStatus {
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
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::PaymentPending => "payment_pending",
            Self::ActionRequired => "action_required",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// True while it may still become an order.
    pub const fn may_place(self) -> bool {
        match self {
            Self::Processing | Self::PaymentPending | Self::ActionRequired => true,
            Self::Compensating | Self::Completed | Self::Failed => false,
        }
    }
}

/// What the payer must do, for example 3-D Secure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckoutAction {
    /// `redirect`: send the browser to `url`.
    pub r#type: String,
    /// The page.
    pub url: String,
}

/// A checkout. Events carry the same document without the order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Checkout {
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

impl Aggregate for Checkout {
    const NOUN: &'static str = "checkout";
    type Id = CheckoutId;

    fn id(&self) -> CheckoutId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn verb(&self) -> &'static str {
        "updated"
    }
}
