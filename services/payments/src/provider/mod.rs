//! Payment providers behind one interface: what is sent, what is queried, and what their replies mean.
//!
//! A provider is a variant of [`ProviderKind`] and a file here that maps its replies to [`ProviderReply`].

mod dispatch;
mod manual;
mod model;
mod sandbox;

pub(crate) use dispatch::Providers;
pub(crate) use model::{ProviderAccount, ProviderKind, ProviderReply, ProviderReport, ProviderRequest, ProviderState};
pub(crate) use sandbox::{Notice, parse_notice};
