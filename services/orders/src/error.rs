//! What orders refuse when a constraint is broken.

use bloom_db::Constraints;
use bloom_db::seal::erased;
use bloom_fault::{Code, Fault};

/// Constraints that input can break.
pub(crate) const CONSTRAINTS: Constraints = &[
    ("subject_key_pkey", erased),
    ("checkout_cart_key", || Fault::new(Code::Conflict, "cart_completed", "This cart has become an order. Start a new cart.")),
];
