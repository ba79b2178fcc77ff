//! The contract of cart for other services. The crate exists because its contract is shared with its callers.

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
    include!("gen/bloom.cart.v1.rs");
}
mod reasons;
mod snapshot;
mod token;

pub use generated::*;
pub use reasons::CartRefusal;
pub use token::CartToken;
