//! The constraints of this service's tables, and the refusal that each one means.

use bloom_db::seal::erased;
use bloom_fault::{Code, Fault, constraint};

/// The refusal of a database error: what a broken constraint means, or an internal error.
pub(crate) fn refusal(error: sqlx::Error) -> Fault {
    match constraint(&error) {
        Some("delivery_option_code_key") => {
            let detail = "Another delivery option has this code.";
            Fault::new(Code::Conflict, "code_taken", detail).at("/code", "code_taken", detail)
        }
        Some("subject_key_pkey") => erased(),
        _ => error.into(),
    }
}
