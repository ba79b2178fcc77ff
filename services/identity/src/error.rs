//! The constraints of this service's tables, and the refusal that each one means.

use bloom_fault::{Code, Fault, constraint};

/// The refusal of a database error: what a broken constraint means, or an internal error.
pub(crate) fn refusal(error: sqlx::Error) -> Fault {
    match constraint(&error) {
        Some("api_key_one_successor") => {
            Fault::new(Code::Conflict, "api_key_rotated", "This key has been replaced already; rotate its successor.")
        }
        Some("environment_one_live") => {
            Fault::new(Code::Conflict, "live_environment_exists", "This account already has its live environment.")
        }
        _ => error.into(),
    }
}
