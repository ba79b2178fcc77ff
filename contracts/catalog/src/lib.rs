//! The contract of the catalogue for other services. The crate exists because its contract is shared with its callers.
//!
//! | module | content |
//! |---|---|
//! | [`CatalogClient`] | the calls, with deadline and retry |
//! | [`ChannelRefusal`] | why a channel cannot be used |
//! | [`events`] | the events that others read |

mod client;
pub mod events;
mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
    include!("gen/bloom.catalog.v1.rs");
}
mod reasons;

pub use client::{CHANNELS_MAX, CatalogClient, VARIANTS_MAX};
pub use generated::*;
pub use reasons::ChannelRefusal;
