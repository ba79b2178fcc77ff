//! `PATCH /v1/catalog/channels/{channel_id}`: other locations change the availability of every product in the channel.

use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::ChannelId;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json, Path};

use super::model::{Channel, ChannelUpdate};
use super::publish::publish_channels;
use super::store::{channel_lock, channel_unset_default, channel_write};
use crate::Catalog;
use crate::clients::check_locations;
use crate::error::refused;
use crate::listing::{Scope, refresh_scope, topology_change};
use crate::permissions::CatalogWrite;

pub(super) async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ChannelId>,
    if_match: IfMatch,
    Json(input): Json<ChannelUpdate>,
) -> Result<Reply<Channel>, Fault> {
    check_locations(&app, &caller, input.location_ids.as_deref().unwrap_or_default()).await?;
    let mut tx = match app.db.begin(&caller, "channel_update", &(id, if_match.version(), &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    topology_change(&mut tx, caller.tenant).await?;
    let mut channel = channel_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("channel"))?;
    if_match.check(channel.version)?;
    let (locations, was_default) = (channel.location_ids.clone(), channel.is_default);
    let now = app.host.now(caller.tenant);
    channel.update(now, input)?;
    let mut changed = Vec::new();
    if channel.is_default && !was_default {
        changed = channel_unset_default(&mut tx, id, now).await?;
    }
    channel_write(&mut tx, caller.tenant, &channel).await.map_err(refused)?;
    if channel.location_ids != locations {
        refresh_scope(&mut tx, &app.host, Scope::All).await?;
    }
    changed.push(channel.clone());
    publish_channels(&mut tx, &app.host, &caller, &changed).await?;
    let version = channel.version;
    let reply = tx.finish(Reply::ok(channel).etag(version)).await?;
    app.channels.invalidate(caller.tenant).await;
    app.list_etags.invalidate(caller.tenant);
    Ok(reply)
}
