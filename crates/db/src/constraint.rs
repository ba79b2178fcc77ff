//! What a broken constraint means to a caller.

use bloom_fault::{Fault, constraint};

use crate::Db;

/// The constraints that a service's input can break, by name, each with its refusal. The service lists them in one table in
/// `error.rs`; a constraint that is not listed is a failure of ours (500).
pub type Constraints = &'static [(&'static str, fn() -> Fault)];

impl Db {
    /// The service's refusal when the fault comes from one of its constraints, else the fault itself.
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
