//! References to channels. The catalog owns channels, and the replica here lags slightly behind, so a channel that the replica
//! lacks is looked up in the catalog.

use bloom_contract_catalog::Channel as ChannelMessage;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Country, Currency};
use bloom_runtime::RequestContext;

use super::model::Channel;
use super::store::channel_version;
use crate::Pricing;
use crate::error::unknown;

/// Refuses a channel that the tenant does not have.
///
/// A list may name a channel without a row here. Its prices are in no listing until the channel's event arrives, which publishes
/// every variant again.
pub async fn channel_check(app: &Pricing, context: &RequestContext, id: Option<ChannelId>) -> Result<(), Fault> {
    let Some(id) = id else { return Ok(()) };
    let mut conn = app.db.read(context.tenant).await?;
    let known = channel_version(&mut conn, id).await?;
    drop(conn);
    match known {
        Some(_) => Ok(()),
        None => channel_ask(app, context, id).await.map(drop),
    }
}

/// A channel that the replica lacks, from the catalog.
pub async fn channel_ask(app: &Pricing, context: &RequestContext, id: ChannelId) -> Result<Channel, Fault> {
    let found = app.catalog.find_channels(context, &[id]).await?;
    let found = found.into_iter().next().ok_or_else(|| unknown("channel", "/channel_id"))?;
    let channel = channel_of_message(&found).filter(|channel| channel.id == id);
    channel.ok_or_else(|| Fault::internal("the catalog's reply cannot be read"))
}

fn channel_of_message(message: &ChannelMessage) -> Option<Channel> {
    Some(Channel {
        id: message.id.parse().ok()?,
        currency: Currency::parse(&message.currency).ok()?,
        gross: message.gross,
        country: Country::new(&message.country).ok()?,
    })
}
