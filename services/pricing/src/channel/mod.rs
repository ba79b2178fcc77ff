//! Channels: a replica of the catalog's. A listing price is a price in a channel.

mod find;
mod model;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use find::{channel_ask, channel_check};
pub(crate) use model::Channel;
pub(crate) use store::{ChannelRow, channel_get, channel_list, channel_put, channel_version};
