//! A payment: its status, its amounts and the guards around them.

use bloom_kernel::{CheckoutId, ConnectionId, Currency, OperationId, OrderId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::operation::{Failure, OperationKind, OperationStatus, Requester};
use crate::provider::ProviderKind;

/// The status of a payment. It is never set: it follows from the authorisation and the amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum PaymentStatus {
    /// The provider works on the authorisation, or the merchant has to confirm it.
    Pending,
    /// The payer has to do something first.
    ActionRequired,
    /// Authorised, nothing captured.
    Authorised,
    /// Captured in part.
    PartiallyCaptured,
    /// Captured; nothing more to capture.
    Captured,
    /// Refunded in part.
    PartiallyRefunded,
    /// All that was captured is refunded, and nothing is left to capture.
    Refunded,
    /// Given up before anything was captured.
    Voided,
    /// Not authorised, and it will not be.
    Failed,
    /// The provider's answer to the authorisation did not reach us.
    Unknown,
}

impl PaymentStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::ActionRequired => "action_required",
            Self::Authorised => "authorised",
            Self::PartiallyCaptured => "partially_captured",
            Self::Captured => "captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// True while it is open whether the payment will be authorised.
    pub(crate) const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::ActionRequired | Self::Unknown => true,
            Self::Authorised
            | Self::PartiallyCaptured
            | Self::Captured
            | Self::PartiallyRefunded
            | Self::Refunded
            | Self::Voided
            | Self::Failed => false,
        }
    }

    /// The status of a payment of which nothing is authorised.
    pub(super) const fn unauthorised(authorisation: OperationStatus, has_action: bool) -> Self {
        match authorisation {
            OperationStatus::Pending if has_action => Self::ActionRequired,
            OperationStatus::Init | OperationStatus::Pending => Self::Pending,
            OperationStatus::Unknown => Self::Unknown,
            OperationStatus::Succeeded | OperationStatus::Failed => Self::Failed,
        }
    }
}

/// A payment as it is stored. All amounts are minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub id: PaymentId,
    pub checkout_id: CheckoutId,
    /// The order that it pays: its money is moved through the order only.
    pub order_id: Option<OrderId>,
    pub connection_id: ConnectionId,
    pub provider: ProviderKind,
    pub currency: Currency,
    /// The amount to authorise.
    pub amount: i64,
    /// Derived, see [`PaymentStatus`].
    pub status: PaymentStatus,
    /// Authorised by the payer's bank, ever.
    pub authorised: i64,
    /// Reserved for captures whose outcome is open.
    pub capture_pending: i64,
    pub captured: i64,
    /// Reserved for voids whose outcome is open.
    pub void_pending: i64,
    pub voided: i64,
    /// Reserved for refunds whose outcome is open.
    pub refund_pending: i64,
    pub refunded: i64,
    /// A void that is carried out once the outcomes before it are known.
    pub waiting_void: Option<OperationId>,
    /// The provider's reference of the authorisation.
    pub provider_reference: Option<String>,
    /// Where the payer has to go.
    pub action_url: Option<String>,
    /// Why the authorisation failed.
    pub failure: Option<Failure>,
    /// Where the payer's browser goes after an action.
    pub return_url: Option<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Payment {
    /// What may still be captured or voided.
    pub(crate) const fn left_to_capture(&self) -> i64 {
        self.authorised - self.captured - self.capture_pending - self.voided - self.void_pending
    }

    /// What may still be refunded.
    pub(crate) const fn left_to_refund(&self) -> i64 {
        self.captured - self.refunded - self.refund_pending
    }

    /// True while an operation is open whose outcome decides how much a void releases.
    pub(crate) const fn has_open_outcome(&self) -> bool {
        self.status.is_open() || 0 < self.capture_pending
    }

    /// True once the authorisation is being voided or a void waits.
    pub(crate) const fn is_voiding(&self) -> bool {
        self.waiting_void.is_some() || 0 < self.void_pending
    }

    /// Refuses a merchant's operation on the money of an order: the order would not know of it.
    pub(crate) fn check_requester(&self, requester: Requester) -> Result<(), Refusal> {
        match (requester, self.order_id) {
            (Requester::Merchant, Some(order)) => Err(Refusal::BelongsToOrder(order)),
            (Requester::Merchant, None) | (Requester::Service, _) => Ok(()),
        }
    }

    /// Reserves an amount for an operation before the request to the provider.
    pub(crate) fn reserve(mut self, kind: OperationKind, amount: i64, now: Timestamp) -> Result<Self, Refusal> {
        if amount <= 0 {
            return Err(Refusal::AmountNotPositive);
        }
        let reserved = match kind {
            OperationKind::Authorise => return Ok(self),
            OperationKind::Capture if self.is_voiding() => return Err(Refusal::Voiding),
            OperationKind::Capture | OperationKind::Void => {
                let left = self.left_to_capture();
                if self.authorised == 0 {
                    return Err(Refusal::NotAuthorised);
                }
                if left < amount {
                    return Err(Refusal::ExceedsAuthorised { left });
                }
                if kind == OperationKind::Capture { &mut self.capture_pending } else { &mut self.void_pending }
            }
            OperationKind::Refund => {
                let left = self.left_to_refund();
                if left < amount {
                    return Err(Refusal::ExceedsCaptured { left });
                }
                &mut self.refund_pending
            }
        };
        *reserved += amount;
        Ok(self.next_version(now))
    }

    /// Releases what [`reserve`](Self::reserve) has reserved.
    pub(super) fn release(&mut self, kind: OperationKind, amount: i64) {
        match kind {
            OperationKind::Authorise => {}
            OperationKind::Capture => self.capture_pending -= amount,
            OperationKind::Void => self.void_pending -= amount,
            OperationKind::Refund => self.refund_pending -= amount,
        }
    }

    /// Adds an amount that has been moved.
    pub(super) fn add(&mut self, kind: OperationKind, amount: i64) {
        match kind {
            OperationKind::Authorise => self.authorised += amount,
            OperationKind::Capture => self.captured += amount,
            OperationKind::Void => self.voided += amount,
            OperationKind::Refund => self.refunded += amount,
        }
    }

    /// Whether the amounts are consistent.
    pub(super) const fn is_consistent(&self) -> bool {
        0 <= self.authorised
            && 0 <= self.captured
            && 0 <= self.voided
            && 0 <= self.refunded
            && self.authorised <= self.amount
            && 0 <= self.left_to_capture()
            && 0 <= self.left_to_refund()
    }

    /// Derives the status; `otherwise` holds while nothing is authorised.
    pub(super) fn derive_status(&mut self, otherwise: PaymentStatus) {
        let open = self.captured + self.voided < self.authorised;
        self.status = if self.authorised == 0 {
            otherwise
        } else if self.captured == 0 {
            if open { PaymentStatus::Authorised } else { PaymentStatus::Voided }
        } else if self.refunded == 0 {
            if open { PaymentStatus::PartiallyCaptured } else { PaymentStatus::Captured }
        } else if self.refunded == self.captured && !open {
            PaymentStatus::Refunded
        } else {
            PaymentStatus::PartiallyRefunded
        };
        if !self.status.is_open() {
            self.action_url = None;
        }
    }

    /// The payment with the next version.
    pub(super) fn next_version(mut self, now: Timestamp) -> Self {
        self.version += 1;
        self.updated_at = now;
        self
    }
}
