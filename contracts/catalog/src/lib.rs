//! What other services may know of catalog. The crate exists because its contract is shared with its callers.

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
    include!("gen/bloom.catalog.v1.rs");
}

pub use generated::*;
