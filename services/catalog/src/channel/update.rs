//! `PATCH /v1/catalog/channels/{channel_id}`: other locations change the availability of every product in the channel.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::ChannelId;
use bloom_web::{Body, Caller, IfMatch, Path, Reply};

use super::model::{Channel, ChannelUpdate};
use super::store::{channel_lock, channel_unset_default, channel_write};
use crate::clients::check_locations;
use crate::listing::{Scope, refresh_scope, topology_change};
use crate::{Catalog, CatalogWrite};

pub(super) async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ChannelId>,
    if_match: IfMatch,
    Body(input): Body<ChannelUpdate>,
) -> Result<Reply<Channel>, Fault> {
    let locations = input.location_ids.clone().unwrap_or_default();
    app.db
        .idempotent_after(
            caller.operation("channel_update", &(id, if_match.version(), &input)),
            async || check_locations(&app, &caller, &locations).await,
            async |tx, ()| {
                topology_change(tx).await?;
                let mut channel = channel_lock(tx, id).await?.ok_or_else(|| Fault::not_found("channel"))?;
                if_match.check(channel.version)?;
                let (locations, was_default) = (channel.location_ids.clone(), channel.is_default);
                channel.update(tx.now(), input)?;
                if channel.is_default && !was_default {
                    let now = tx.now();
                    for former in channel_unset_default(tx, id, now).await? {
                        tx.publish(&former);
                    }
                }
                channel_write(tx, &channel).await?;
                if channel.location_ids != locations {
                    refresh_scope(tx, Scope::All).await?;
                }
                tx.publish(&channel);
                app.channels_changed(tx);
                Ok(channel)
            },
        )
        .await
}
