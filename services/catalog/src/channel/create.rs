//! `POST /v1/catalog/channels`: a channel, in which every product gets a listing, published there or not.

use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_web::Reply;
use bloom_web::{Caller, Json};

use super::model::{CHANNELS_MAX, Channel, ChannelCreate};
use super::publish::publish_channels;
use super::store::{channel_count, channel_unset_default, channel_write};
use crate::Catalog;
use crate::clients::check_locations;
use crate::error::refused;
use crate::listing::{Scope, refresh_scope, topology_change};
use crate::permissions::CatalogWrite;

pub(super) async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Json(input): Json<ChannelCreate>,
) -> Result<Reply<Channel, 201>, Fault> {
    check_locations(&app, &caller, &input.location_ids).await?;
    let mut tx = match app.db.begin(&caller, "channel_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    topology_change(&mut tx, caller.tenant).await?;
    let count = channel_count(&mut tx).await?;
    if CHANNELS_MAX <= count {
        let detail = format!("An environment has at most {CHANNELS_MAX} channels.");
        return Err(Fault::new(Code::Unprocessable, "too_many_channels", detail));
    }
    let now = app.host.now(caller.tenant);
    let channel = Channel::new(app.host.id(caller.tenant), now, input, count == 0)?;
    let mut changed = if channel.is_default { channel_unset_default(&mut tx, channel.id, now).await? } else { Vec::new() };
    channel_write(&mut tx, caller.tenant, &channel).await.map_err(refused)?;
    refresh_scope(&mut tx, &app.host, Scope::All).await?;
    changed.push(channel.clone());
    publish_channels(&mut tx, &app.host, &caller, &changed).await?;
    let version = channel.version;
    let reply = tx.finish(Reply::created(channel).etag(version)).await?;
    app.channels.invalidate(caller.tenant).await;
    app.list_etags.invalidate(caller.tenant);
    Ok(reply)
}
