//! What other services may know of pricing. The crate exists because its contract is shared with its callers.

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
    include!("gen/bloom.pricing.v1.rs");
}

pub use generated::*;
