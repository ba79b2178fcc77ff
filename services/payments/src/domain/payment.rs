//! What a checkout pays, and the guards around its amounts.

use bloom_kernel::{CheckoutId, ConnectionId, Currency, OperationId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, OperationKind, OperationStatus, Refusal};

/// Who moves the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum ProviderKind {
    /// The test provider.
    Sandbox,
    /// People: the merchant says what happened.
    Manual,
}

impl ProviderKind {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Manual => "manual",
        }
    }

    /// The provider of a word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Sandbox, Self::Manual].into_iter().find(|provider| provider.as_str() == text)
    }
}

/// Where a payment stands. Nobody sets it: it follows from the authorisation and the amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The provider works on the authorisation, or the merchant has to confirm it.
    Pending,
    /// The payer has to do something first.
    ActionRequired,
    /// Promised, nothing drawn.
    Authorised,
    /// Drawn in part.
    PartiallyCaptured,
    /// Drawn; nothing more to draw.
    Captured,
    /// Given back in part.
    PartiallyRefunded,
    /// All that was drawn is given back, and nothing is left to draw.
    Refunded,
    /// Given up before anything was drawn.
    Voided,
    /// Not authorised, and it will not be.
    Failed,
    /// The provider's answer to the authorisation did not reach us.
    Unknown,
}

impl PaymentStatus {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
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
    pub const fn is_open(self) -> bool {
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
}

/// A payment as it is stored. All amounts are minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Chosen by the asker.
    pub id: PaymentId,
    /// What it pays.
    pub checkout_id: CheckoutId,
    /// How its provider is reached.
    pub connection_id: ConnectionId,
    /// Its provider.
    pub provider: ProviderKind,
    /// Its currency.
    pub currency: Currency,
    /// What was asked for.
    pub amount: i64,
    /// Derived, see [`PaymentStatus`].
    pub status: PaymentStatus,
    /// Promised by the payer's bank, ever.
    pub authorised: i64,
    /// Being drawn.
    pub capture_pending: i64,
    /// Drawn, ever.
    pub captured: i64,
    /// Being given up.
    pub void_pending: i64,
    /// Given up.
    pub voided: i64,
    /// Being given back.
    pub refund_pending: i64,
    /// Given back.
    pub refunded: i64,
    /// A void that is carried out once the outcome of what goes before is known.
    pub waiting_void: Option<OperationId>,
    /// The provider's name for the authorisation.
    pub provider_reference: Option<String>,
    /// Where the payer has to go.
    pub action_url: Option<String>,
    /// Why the authorisation failed.
    pub failure: Option<Failure>,
    /// Where the payer goes after an action.
    pub return_url: Option<String>,
    /// Grows with every change.
    pub version: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Payment {
    /// What may still be drawn or given up.
    pub const fn left_to_capture(&self) -> i64 {
        self.authorised - self.captured - self.capture_pending - self.voided - self.void_pending
    }

    /// What may still be given back.
    pub const fn left_to_refund(&self) -> i64 {
        self.captured - self.refunded - self.refund_pending
    }

    /// True while something is open whose outcome decides what a void gives up.
    pub const fn is_busy(&self) -> bool {
        self.status.is_open() || 0 < self.capture_pending
    }

    /// True once the authorisation is being given up or waits for that.
    pub const fn is_voiding(&self) -> bool {
        self.waiting_void.is_some() || 0 < self.void_pending
    }

    /// Sets an amount aside for an operation before the provider is asked.
    pub fn promise(mut self, kind: OperationKind, amount: i64, now: Timestamp) -> Result<Self, Refusal> {
        if amount <= 0 {
            return Err(Refusal::AmountNotPositive);
        }
        let bucket = match kind {
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
        *bucket += amount;
        Ok(self.touched(now))
    }

    /// Puts back what [`promise`](Self::promise) set aside.
    pub(super) fn release(&mut self, kind: OperationKind, amount: i64) {
        match kind {
            OperationKind::Authorise => {}
            OperationKind::Capture => self.capture_pending -= amount,
            OperationKind::Void => self.void_pending -= amount,
            OperationKind::Refund => self.refund_pending -= amount,
        }
    }

    /// Books an amount that was moved.
    pub(super) fn book(&mut self, kind: OperationKind, amount: i64) {
        match kind {
            OperationKind::Authorise => self.authorised += amount,
            OperationKind::Capture => self.captured += amount,
            OperationKind::Void => self.voided += amount,
            OperationKind::Refund => self.refunded += amount,
        }
    }

    /// Whether the amounts can all be true together.
    pub const fn is_sound(&self) -> bool {
        0 <= self.authorised
            && 0 <= self.captured
            && 0 <= self.voided
            && 0 <= self.refunded
            && self.authorised <= self.amount
            && 0 <= self.left_to_capture()
            && 0 <= self.left_to_refund()
    }

    /// The status that follows; `otherwise` holds while nothing is authorised.
    pub(crate) fn derive(&mut self, otherwise: PaymentStatus) {
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

    /// The next version.
    pub(crate) fn touched(mut self, now: Timestamp) -> Self {
        self.version += 1;
        self.updated_at = now;
        self
    }
}

/// The status of a payment whose authorisation stands so.
pub(super) const fn unauthorised(status: OperationStatus, action: bool) -> PaymentStatus {
    match status {
        OperationStatus::Pending if action => PaymentStatus::ActionRequired,
        OperationStatus::Init | OperationStatus::Pending => PaymentStatus::Pending,
        OperationStatus::Unknown => PaymentStatus::Unknown,
        OperationStatus::Success | OperationStatus::Failed => PaymentStatus::Failed,
    }
}
