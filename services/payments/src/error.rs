//! The meaning of each violated constraint.

use bloom_db::{Constraints, idempotency};
use bloom_fault::{Code, Fault};

/// The constraints that input can violate.
pub(crate) const CONSTRAINTS: Constraints = &[
    ("connection_default_key", || {
        let detail = "Another request changes the default connection; try again.";
        Fault::new(Code::Conflict, "busy", detail).retry_after(1)
    }),
    ("operation_pkey", idempotency::reused),
    ("operation_authorise_key", || {
        Fault::new(Code::Conflict, "payment_voided", "This payment was given up before it was opened.")
    }),
];
