//! How the test provider behaves: pure.

pub mod notice;
pub mod object;
pub mod token;

pub use object::{Authorisation, Kind, Movement, MovementKind, Status};
pub use token::{Plan, Token};
