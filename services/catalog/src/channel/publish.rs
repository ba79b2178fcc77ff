//! Events of channels.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish_many};
use bloom_fault::Fault;
use bloom_runtime::{RequestContext, ServiceContext};

use super::model::Channel;

/// Publishes channels after a change.
pub(super) async fn publish_channels(
    tx: &mut TenantTx,
    host: &ServiceContext,
    call: &RequestContext,
    channels: &[Channel],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = channels.iter().map(draft).collect();
    publish_many(tx, host, call, drafts).await
}

fn draft(channel: &Channel) -> Draft<'_> {
    let kind = if channel.version == 1 { "channel.created" } else { "channel.updated" };
    Draft { kind, aggregate: channel.id.to_string(), version: channel.version, data: channel, causation: None }
}
