//! The constraints that input can violate, and the refusal for each.

use bloom_db::Constraints;
use bloom_fault::{Code, Fault};

pub(crate) const CONSTRAINTS: Constraints = &[
    ("api_key_one_successor", api_key_rotated),
    ("environment_one_live", || {
        Fault::new(Code::Conflict, "live_environment_exists", "This account already has its live environment.")
    }),
];

/// The refusal to rotate a key that has a successor.
pub(crate) fn api_key_rotated() -> Fault {
    Fault::new(Code::Conflict, "api_key_rotated", "This key has been replaced already; rotate its successor.")
}
