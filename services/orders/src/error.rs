//! The meaning of each violated constraint.

use bloom_db::Constraints;
use bloom_db::seal::erased;
use bloom_fault::{Code, Fault};

/// The constraints that input can violate.
pub(crate) const CONSTRAINTS: Constraints = &[
    ("subject_key_pkey", erased),
    ("checkout_cart_key", || Fault::new(Code::Conflict, "cart_completed", "This cart has become an order. Start a new cart.")),
];
