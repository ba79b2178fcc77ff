//! Maps violated database constraints to refusals.

use bloom_fault::{Fault, constraint};

use crate::Db;

/// The constraints that invalid input can violate, by name, each with its refusal. A service lists them in one table in
/// `error.rs`; violating any other constraint is an internal error (500).
pub type Constraints = &'static [(&'static str, fn() -> Fault)];

impl Db {
    /// The service's refusal when one of its constraints caused the fault, otherwise the fault itself.
    pub fn explain(&self, fault: Fault) -> Fault {
        let error = fault.source.as_ref().and_then(|source| source.downcast_ref::<sqlx::Error>());
        let broken = error.and_then(constraint);
        let refusal = self.constraints.iter().find(|(name, _)| Some(*name) == broken);
        match refusal {
            Some((_, refuse)) => refuse(),
            None => fault,
        }
    }
}
