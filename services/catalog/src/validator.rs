//! Collects the violations that no type of a single field can refuse, each with its JSON Pointer.

use bloom_fault::{Code, Fault, Violation};
use bloom_kernel::ViolationCode;

/// Most violations that one refusal lists.
const VIOLATIONS_MAX: usize = 50;

/// The violations found so far.
#[derive(Debug, Default)]
pub(crate) struct Validator {
    errors: Vec<Violation>,
}

impl Validator {
    /// Adds one violation.
    pub(crate) fn fail(&mut self, pointer: impl Into<String>, code: ViolationCode, message: impl Into<String>) {
        if self.errors.len() < VIOLATIONS_MAX {
            self.errors.push(Violation { pointer: pointer.into(), code: code.into(), message: message.into() });
        }
    }

    /// At most `max` items.
    pub(crate) fn count(&mut self, pointer: &str, count: usize, max: usize) {
        if max < count {
            self.fail(pointer, ViolationCode::Count, format!("There are {count} of these; {max} are allowed."));
        }
    }

    /// The violations.
    pub(crate) fn into_violations(self) -> Vec<Violation> {
        self.errors
    }

    /// Refuses the input when there is a violation.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let fault = Fault::new(Code::Invalid, "invalid_request", "The request is not valid; see errors.");
        Err(self.errors.into_iter().fold(fault, |fault, error| fault.at(error.pointer, error.code, error.message)))
    }
}
