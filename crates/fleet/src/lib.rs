//! Exists because the gateway, the executables, identity and the tests need lists of the whole fleet, and no crate that they
//! share may know a service: these lists are written by `cargo xtask gen` from `fleet.toml`, and nothing else is in here.

#[rustfmt::skip]
mod generated;
#[rustfmt::skip]
pub mod permission;

pub use generated::{ANONYMOUS, GATEWAY_PORT, PERMISSIONS, PUBLISHABLE, SERVICES};

/// One permission as a type: what the extractor in a handler's arguments asks for.
pub trait Permission: Send + Sync + 'static {
    /// Its name, for example `catalog:read`.
    const NAME: &'static str;
}

/// The services that a service calls, or loads the state of: it is given no other address.
pub fn calls(service: &str) -> &'static [&'static str] {
    generated::CALLS.iter().find(|(caller, _)| *caller == service).map_or(&[], |(_, called)| called)
}
