//! The errors of the platform. The crate exists because an error that crosses three services must reach the caller as the
//! same refusal: one closed table of error codes and its two representations, gRPC status and problem+json.
//!
//! * [`code`]: the table: HTTP status, gRPC code, title
//! * [`Fault`]: one refusal or failure, with a reason code, a sentence and the invalid fields
//! * [`refuse_card_number`]: the refusal that every service with free text shares
//! * [`http`]: the response, and the problem+json document that the outermost layer writes
//! * [`grpc`]: conversion to a gRPC status and back
//! * [`database`]: maps database errors to faults
//!
//! Of a 5xx only the code leaves the process: its cause is logged once, where it happened.

mod card;
pub mod code;
pub mod database;
pub mod grpc;
pub mod http;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::ops::Deref;

use bloom_kernel::metadata::MetadataError;
use bloom_kernel::{InvalidValue, MoneyError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bloom_kernel::ViolationCode;

pub use crate::card::{refuse_card_in_address, refuse_card_number, refuse_card_number_as_phone, refuse_card_numbers};
pub use crate::code::Code;
pub use crate::database::constraint;
pub use crate::http::{FaultExt, Problem, problem};

/// The cause of a fault, for the log only.
pub type Source = Box<dyn Error + Send + Sync>;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// JSON Pointer of the field in the body (`/lines/0/quantity`), or the name of the query parameter (`limit`).
    pub pointer: String,
    /// Machine word.
    pub code: String,
    /// Sentence for people.
    pub message: String,
}

/// A refusal or a failure; its parts are available through `Deref`.
#[derive(Debug)]
pub struct Fault(Box<Parts>);

/// The parts of a [`Fault`].
#[derive(Debug)]
pub struct Parts {
    /// The error code.
    pub code: Code,
    /// Reason code such as `sku_taken`.
    pub reason: Cow<'static, str>,
    /// Sentence for people; never shown for a 5xx.
    pub detail: String,
    /// The invalid fields.
    pub errors: Vec<Violation>,
    /// The policy that refused.
    pub policy: Option<String>,
    /// Seconds after which a retry may succeed.
    pub retry_after_s: Option<u32>,
    /// The cause, for the log.
    pub source: Option<Source>,
}

impl Fault {
    /// A fault with a reason code and a sentence.
    pub fn new(code: Code, reason: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            reason: reason.into(),
            detail: detail.into(),
            errors: Vec::new(),
            policy: None,
            retry_after_s: None,
            source: None,
        }))
    }

    /// The resource does not exist, or the caller may not know that it does.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, "not_found", format!("There is no such {what}."))
    }

    /// One field of the input is invalid.
    pub fn invalid(pointer: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, "invalid_request", "The request is not valid; see errors.").at(pointer, code, message)
    }

    /// One field of the input violates the rule of its type.
    pub fn invalid_value(pointer: impl Into<String>, error: InvalidValue) -> Self {
        Self::invalid(pointer, error.code, error.message)
    }

    /// An unexpected internal error.
    pub fn internal(cause: impl Into<Source>) -> Self {
        Self::new(Code::Internal, "internal", "").source(cause)
    }

    /// The first refusal of several checks, with the invalid fields of all refusals of the same kind, so that the user
    /// of a form sees all errors at once.
    pub fn of_all(checks: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        let mut refusals = checks.into_iter().filter_map(Result::err);
        let Some(mut first) = refusals.next() else { return Ok(()) };
        let alike: Vec<_> = refusals.filter(|other| other.code == first.code).collect();
        first.0.errors.extend(alike.into_iter().flat_map(|other| other.0.errors));
        Err(first)
    }

    /// Adds an invalid field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, code, message) = (pointer.into(), code.into(), message.into());
        self.0.errors.push(Violation { pointer, code, message });
        self
    }

    /// Names the policy that refused.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<String>) -> Self {
        self.0.policy = Some(policy.into());
        self
    }

    /// Sets when a retry may succeed.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Sets the cause for the log.
    #[must_use]
    pub fn source(mut self, cause: impl Into<Source>) -> Self {
        self.0.source = Some(cause.into());
        self
    }

    /// The cause and its causes in one line, for the log.
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = Error::source(self);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }

    /// Whether a retry may succeed: its code says so, or another transaction holds what it needs (`busy`).
    pub fn is_retryable(&self) -> bool {
        self.code.is_retryable() || (self.code == Code::Conflict && self.reason == "busy")
    }

    /// The text a caller may read: a fixed sentence for an internal failure.
    pub fn public_detail(&self) -> &str {
        self.code.fixed_detail().unwrap_or(&self.detail)
    }
}

impl Deref for Fault {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.status().as_u16(), self.reason)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + Send + Sync) = self.0.source.as_deref()?;
        Some(cause)
    }
}

impl From<MetadataError> for Fault {
    fn from(error: MetadataError) -> Self {
        let code = match error {
            MetadataError::TooManyKeys => ViolationCode::Count,
            MetadataError::KeyLength | MetadataError::ValueLength => ViolationCode::Length,
            MetadataError::Nul => ViolationCode::Pattern,
        };
        Self::invalid("/metadata", code, format!("{error}."))
    }
}

impl From<MoneyError> for Fault {
    fn from(error: MoneyError) -> Self {
        let reason = match error {
            MoneyError::Overflow => "amount_out_of_range",
            MoneyError::CurrencyMismatch { .. } => "currency_mismatch",
            MoneyError::UnknownCurrency => "unknown_currency",
            MoneyError::RateTooHigh => "rate_too_high",
        };
        Self::new(Code::Invalid, reason, format!("Cannot calculate: {error}."))
    }
}
