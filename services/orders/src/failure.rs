//! A refusal that is stored, so that a repeated request gets the same refusal.

use bloom_fault::{Code, Fault, Violation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something failed, as its caller was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CheckoutFailure")]
pub struct Failure {
    /// HTTP status of the refusal.
    pub status: u16,
    /// Machine-readable reason.
    pub code: String,
    /// Explanation for people.
    pub detail: String,
    /// The fields at fault.
    pub errors: Vec<Violation>,
}

impl Failure {
    /// Keeps the public part of a refusal.
    pub fn of(fault: &Fault) -> Self {
        Self {
            status: fault.code.status().as_u16(),
            code: fault.reason.to_string(),
            detail: fault.public_detail().to_owned(),
            errors: fault.errors.clone(),
        }
    }

    /// The same refusal again.
    pub fn fault(&self) -> Fault {
        let code = Code::ALL.into_iter().find(|code| code.status().as_u16() == self.status).unwrap_or(Code::Conflict);
        let fault = Fault::new(code, self.code.clone(), self.detail.clone());
        self.errors.iter().fold(fault, |fault, wrong| fault.at(&wrong.pointer, &wrong.code, &wrong.message))
    }
}
