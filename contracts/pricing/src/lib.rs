//! The contract of pricing for other services. The crate exists because its contract is shared with its callers.
//!
//! | module | content |
//! |---|---|
//! | [`PricingClient`] | the calls, with deadline and retry |
//! | [`QuoteRefusal`] | why a quote is refused |
//! | [`events`] | the events that others read |
//! | `fake`, `contract` | an in-memory pricing for tests, and tests that compare it with the service; with the feature `fake` |

mod client;
#[cfg(feature = "fake")]
pub mod contract;
pub mod events;
#[cfg(feature = "fake")]
pub mod fake;
mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
    include!("gen/bloom.pricing.v1.rs");
}
mod reasons;

pub use client::{PRICES_MAX, PricingClient, TAX_CLASSES_MAX};
pub use generated::*;
pub use reasons::QuoteRefusal;
