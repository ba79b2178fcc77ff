//! SQL, one statement a function, named `noun_verb`.

pub mod account;
pub mod api_key;
pub mod environment;
pub mod revocation;

use bloom_fault::Fault;

/// A name in the database that the code does not know: the check constraints forbid it.
fn unknown(column: &str, value: &str) -> Fault {
    Fault::internal(format!("{column} holds `{value}`"))
}
