//! A payment as a call answers it, and its enums. In events the enums have the same words as in the public API.

use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, Currency, Money, PaymentId};
use serde::{Deserialize, Serialize};

use crate::proto;

/// Defines an enum of the contract with the values of its protobuf enum, except the unspecified one.
macro_rules! contract_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// The word in the public API and in events.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The value of a word of the public API.
            pub fn parse(word: &str) -> Option<Self> {
                [$(Self::$variant),+].into_iter().find(|value| value.as_str() == word)
            }

            /// The value in a message; `None` where it is unspecified.
            pub fn of_message(value: i32) -> Result<Option<Self>, Fault> {
                match proto::$name::try_from(value) {
                    $(Ok(proto::$name::$variant) => Ok(Some(Self::$variant)),)+
                    Ok(proto::$name::Unspecified) => Ok(None),
                    Err(error) => Err(Fault::internal(error)),
                }
            }
        }

        impl From<$name> for proto::$name {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => Self::$variant,)+
                }
            }
        }
    };
}

contract_enum! {
    /// Who moves the money.
    Provider {
        /// The test provider.
        Sandbox "sandbox",
        /// People: the merchant reports what happened.
        Manual "manual",
    }
}

contract_enum! {
    /// The status of a payment; it follows from the authorisation and the amounts.
    PaymentStatus {
        /// The provider works on the authorisation, or the merchant has to confirm it.
        Pending "pending",
        /// The payer has to do something first.
        ActionRequired "action_required",
        /// Authorised, nothing captured.
        Authorised "authorised",
        /// Captured in part.
        PartiallyCaptured "partially_captured",
        /// Captured; nothing more to capture.
        Captured "captured",
        /// Refunded in part.
        PartiallyRefunded "partially_refunded",
        /// All that was captured is refunded, and nothing is left to capture.
        Refunded "refunded",
        /// Given up before anything was captured.
        Voided "voided",
        /// Not authorised, and it will not be.
        Failed "failed",
        /// The provider's answer to the authorisation is not known.
        Unknown "unknown",
    }
}

impl PaymentStatus {
    /// True while it is undecided whether the payment will be authorised.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::ActionRequired | Self::Unknown)
    }
}

contract_enum! {
    /// Progress of an operation.
    OperationStatus {
        /// The provider works on it, or it waits for other outcomes.
        Pending "pending",
        /// Done.
        Succeeded "succeeded",
        /// Not done, and it will not be.
        Failed "failed",
        /// The provider's answer is not known; the provider is being asked.
        Unknown "unknown",
    }
}

contract_enum! {
    /// Why a provider did not do it.
    FailureCode {
        /// The issuer refused.
        CardDeclined "card_declined",
        /// The payer did not pass the issuer's check.
        AuthenticationFailed "authentication_failed",
        /// The payer or the provider let the time pass.
        Expired "expired",
        /// The provider refused or could not do what was asked.
        ProviderError "provider_error",
        /// A void found nothing authorised and uncaptured when its turn came.
        NothingToVoid "nothing_to_void",
    }
}

contract_enum! {
    /// What the payer has to do.
    ActionType {
        /// Send the browser to the address; it comes back by itself.
        Redirect "redirect",
    }
}

/// What the payer has to do, for example 3-D Secure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentAction {
    /// How.
    pub kind: ActionType,
    /// Where.
    pub url: String,
}

/// Why it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFailure {
    /// Code for programs.
    pub code: FailureCode,
    /// Sentence for people.
    pub message: String,
}

/// A payment as a call answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Id.
    pub id: PaymentId,
    /// The checkout that it pays.
    pub checkout_id: CheckoutId,
    /// Its provider.
    pub provider: Provider,
    /// Its status.
    pub status: PaymentStatus,
    /// The amount to authorise.
    pub amount: Money,
    /// Authorised by the payer's bank.
    pub authorised: Money,
    /// Captured.
    pub captured: Money,
    /// Voided.
    pub voided: Money,
    /// Refunded.
    pub refunded: Money,
    /// What the payer has to do first.
    pub action: Option<PaymentAction>,
    /// Why it was not authorised.
    pub failure: Option<PaymentFailure>,
    /// Rises with each change.
    pub version: i64,
    /// The status of the operation that the call named.
    pub operation: Option<OperationStatus>,
}

impl TryFrom<proto::PaymentReply> for Payment {
    type Error = Fault;

    fn try_from(reply: proto::PaymentReply) -> Result<Self, Fault> {
        let currency = Currency::parse(&reply.currency)?;
        let money = |amount| Money::new(amount, currency);
        let action = |action: proto::Action| {
            let kind = specified(ActionType::of_message(action.r#type)?)?;
            Ok::<_, Fault>(PaymentAction { kind, url: action.url })
        };
        let failure = |failure: proto::Failure| {
            let code = specified(FailureCode::of_message(failure.code)?)?;
            Ok::<_, Fault>(PaymentFailure { code, message: failure.message })
        };
        Ok(Self {
            id: reply.payment_id.parse().map_err(Fault::internal)?,
            checkout_id: reply.checkout_id.parse().map_err(Fault::internal)?,
            provider: specified(Provider::of_message(reply.provider)?)?,
            status: specified(PaymentStatus::of_message(reply.status)?)?,
            amount: money(reply.amount),
            authorised: money(reply.authorised_amount),
            captured: money(reply.captured_amount),
            voided: money(reply.voided_amount),
            refunded: money(reply.refunded_amount),
            action: reply.action.map(action).transpose()?,
            failure: reply.failure.map(failure).transpose()?,
            version: reply.version,
            operation: OperationStatus::of_message(reply.operation_status)?,
        })
    }
}

fn specified<T>(value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::internal("payments left a value unspecified"))
}
