//! What broken constraints mean to a caller.

use bloom_fault::{Code, Fault, constraint};

/// The refusal behind a database error, where a rule of this service was broken.
pub(crate) fn refusal(error: sqlx::Error) -> Fault {
    match constraint(&error) {
        Some("api_key_one_successor") => {
            Fault::new(Code::Conflict, "api_key_rotated", "This key has been replaced already; rotate its successor.")
        }
        Some("environment_one_live") => {
            Fault::new(Code::Conflict, "live_environment_exists", "This account has its live environment already.")
        }
        _ => error.into(),
    }
}
