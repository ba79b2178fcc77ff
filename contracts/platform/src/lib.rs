//! The platform contract that every service implements. The crate exists because its contract is shared with its callers.

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
    include!("gen/bloom.platform.v1.rs");
}

pub use generated::*;
