//! A reference to a channel. The catalogue owns channels; pricing knows them by their events, which may be a moment behind
//! whoever has just made one. What pricing has not heard of the catalogue is asked for.

use bloom_contract_catalog::{Channel as ChannelMessage, FindChannelsRequest};
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency};
use bloom_runtime::RequestContext;

use crate::Pricing;
use crate::domain::listing::Channel;
use crate::domain::place::Country;
use crate::error;
use crate::store::channel::channel_version;

/// Refuses a channel that the tenant does not have.
///
/// A list may so name a channel that has no row here: its prices are in no listing until the channel is heard of, which
/// publishes every variant anew (`events::consume`).
pub async fn channel_known(app: &Pricing, call: &RequestContext, id: Option<ChannelId>) -> Result<(), Fault> {
    let Some(id) = id else { return Ok(()) };
    let mut conn = app.db.read(call.tenant).await?;
    let heard = channel_version(&mut conn, id).await?;
    drop(conn);
    match heard {
        Some(_) => Ok(()),
        None => channel_ask(app, call, id).await.map(drop),
    }
}

/// A channel that pricing has not heard of, as the catalogue knows it.
pub async fn channel_ask(app: &Pricing, call: &RequestContext, id: ChannelId) -> Result<Channel, Fault> {
    let message = FindChannelsRequest { channel_ids: vec![id.to_string()] };
    let reply = app.catalog.clone().find_channels(app.host.request(call, message)).await?.into_inner();
    let told = reply.channels.into_iter().next().ok_or_else(|| error::not_found("channel", "/channel_id"))?;
    channel_read(&told).filter(|channel| channel.id == id).ok_or_else(|| Fault::internal("the catalogue's answer cannot be read"))
}

fn channel_read(told: &ChannelMessage) -> Option<Channel> {
    Some(Channel {
        id: told.id.parse().ok()?,
        currency: Currency::parse(&told.currency).ok()?,
        gross: told.gross,
        country: Country::parse(&told.country).ok()?,
    })
}
