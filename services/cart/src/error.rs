//! The constraints that input can violate, and the refusal for each.

use bloom_db::{Constraints, seal};
use bloom_fault::{Code, Fault};
use bloom_kernel::ViolationCode;

pub(crate) const CONSTRAINTS: Constraints = &[
    ("delivery_option_code_key", || {
        let detail = "Another delivery option has this code.";
        Fault::new(Code::Conflict, "code_taken", detail).at("/code", ViolationCode::Taken, detail)
    }),
    ("subject_key_pkey", seal::erased),
];
