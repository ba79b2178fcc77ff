//! `POST /v1/catalog/channels`

use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::Catalog;
use crate::channels::CHANNELS_MAX;
use crate::domain::channel::{Channel, ChannelCreate};
use crate::error::refused;
use crate::events::tell_channels;
use crate::ops::known;
use crate::ops::refresh_scope::{Scope, refresh_scope};
use crate::store::channel::{channel_count, channel_undefault, channel_write};
use crate::store::listing::topology_change;

/// Creates a channel; every product gets a listing in it, published there or not.
pub async fn create_channel(app: &Catalog, call: &RequestContext, input: ChannelCreate) -> Result<Reply<Channel, 201>, Fault> {
    known::locations(app, call, &input.location_ids).await?;
    let mut tx = match app.db.begin(call, "channel_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    topology_change(&mut tx, call.tenant).await?;
    let count = channel_count(&mut tx).await?;
    if CHANNELS_MAX <= count {
        let detail = format!("An environment has at most {CHANNELS_MAX} channels.");
        return Err(Fault::new(Code::Unprocessable, "too_many_channels", detail));
    }
    let now = app.host.now(call.tenant);
    let channel = Channel::create(app.host.id(call.tenant), input, count == 0, now)?;
    let mut told = if channel.is_default { channel_undefault(&mut tx, channel.id, now).await? } else { Vec::new() };
    channel_write(&mut tx, call.tenant, &channel).await.map_err(refused)?;
    refresh_scope(&mut tx, &app.host, Scope::All).await?;
    told.push(channel.clone());
    tell_channels(&mut tx, &app.host, call, &told).await?;
    let version = channel.version;
    let reply = tx.finish(Reply::created(channel).etag(version)).await?;
    app.channels.forget(call.tenant).await;
    app.freshness.changed(call.tenant);
    Ok(reply)
}
