//! The checkout: one attempt to buy a cart.

use bloom_fault::{Code, Fault, Violation};
use bloom_kernel::{CartId, CheckoutId, OrderId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::order::Order;

/// Where a checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutStatus {
    /// It is being worked on.
    Processing,
    /// The provider has not said yet whether the payment succeeds.
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
    /// The machine word.
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

    /// The status of a word that the database holds.
    pub fn parse(word: &str) -> Option<Self> {
        let all =
            [Self::Processing, Self::PaymentPending, Self::ActionRequired, Self::Compensating, Self::Completed, Self::Failed];
        all.into_iter().find(|status| status.as_str() == word)
    }

    /// True while an order may still come of it.
    pub const fn may_place(self) -> bool {
        match self {
            Self::Processing | Self::PaymentPending | Self::ActionRequired => true,
            Self::Compensating | Self::Completed | Self::Failed => false,
        }
    }
}

/// What the payer must do, for example 3-D Secure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// `redirect`: send the browser to `url`.
    pub r#type: String,
    /// Where.
    pub url: String,
}

/// Why a checkout failed, as it was told to the buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// HTTP status of the refusal.
    pub status: u16,
    /// Machine word.
    pub code: String,
    /// Sentence for people.
    pub detail: String,
    /// The fields at fault.
    pub errors: Vec<Violation>,
}

impl Failure {
    /// Keeps what a refusal says.
    pub fn of(fault: &Fault) -> Self {
        Self {
            status: fault.code.status().as_u16(),
            code: fault.reason.to_string(),
            detail: fault.public_detail().to_owned(),
            errors: fault.errors.clone(),
        }
    }

    /// Says it again.
    pub fn fault(&self) -> Fault {
        let code = Code::ALL.into_iter().find(|code| code.status().as_u16() == self.status).unwrap_or(Code::Conflict);
        let fault = Fault::new(code, self.code.clone(), self.detail.clone());
        self.errors.iter().fold(fault, |fault, wrong| fault.at(&wrong.pointer, &wrong.code, &wrong.message))
    }
}

/// What is left of a failed checkout that was forgotten: the document of its last event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tombstone {
    /// The checkout that was.
    pub id: CheckoutId,
    /// Always true.
    pub deleted: bool,
    /// Its last version.
    pub version: i64,
}

/// A checkout. Events carry the same document without the order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Checkout {
    /// Its id.
    pub id: CheckoutId,
    /// Where it stands.
    pub status: CheckoutStatus,
    /// The cart that is bought.
    pub cart_id: CartId,
    /// The order, once it is placed.
    pub order_id: Option<OrderId>,
    /// The order as it was placed; absent in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The payment, once it was asked for.
    pub payment_id: Option<PaymentId>,
    /// What the payer must do.
    pub action: Option<Action>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it is given up unless it has ended by then.
    pub expires_at: Timestamp,
    /// Rises with every change.
    pub version: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
