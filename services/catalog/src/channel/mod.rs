//! Channels: ways to sell. A channel fixes currency, price basis and the locations that serve it.

mod cache;
mod create;
mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;
mod update;

pub(crate) use cache::ChannelCache;
pub(crate) use model::{CHANNELS_MAX, Channel};
pub(crate) use routes::routes;
pub(crate) use store::{channel_export, channel_find, channel_list};
