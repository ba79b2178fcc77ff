//! `PATCH /v1/catalog/channels/{id}`

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ChannelId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::Catalog;
use crate::domain::channel::{Channel, ChannelPatch};
use crate::error::refused;
use crate::events::tell_channels;
use crate::ops::known;
use crate::ops::refresh_scope::{Scope, refresh_scope};
use crate::store::channel::{channel_lock, channel_undefault, channel_write};
use crate::store::listing::topology_change;

/// Changes a channel; other locations mean another availability of everything in it.
pub async fn update_channel(
    app: &Catalog,
    call: &RequestContext,
    id: ChannelId,
    seen: IfMatch,
    patch: ChannelPatch,
) -> Result<Reply<Channel>, Fault> {
    known::locations(app, call, patch.location_ids.as_deref().unwrap_or_default()).await?;
    let mut tx = match app.db.begin(call, "channel_update", &(id, seen.version(), &patch)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    topology_change(&mut tx, call.tenant).await?;
    let present = channel_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("channel"))?;
    seen.check(present.version)?;
    let (locations, was_default) = (present.location_ids.clone(), present.is_default);
    let now = app.host.now(call.tenant);
    let channel = present.patched(patch, now)?;
    let mut told = Vec::new();
    if channel.is_default && !was_default {
        told = channel_undefault(&mut tx, id, now).await?;
    }
    channel_write(&mut tx, call.tenant, &channel).await.map_err(refused)?;
    if channel.location_ids != locations {
        refresh_scope(&mut tx, &app.host, Scope::All).await?;
    }
    told.push(channel.clone());
    tell_channels(&mut tx, &app.host, call, &told).await?;
    let version = channel.version;
    let reply = tx.finish(Reply::ok(channel).etag(version)).await?;
    app.channels.forget(call.tenant).await;
    app.freshness.changed(call.tenant);
    Ok(reply)
}
