//! `POST /v1/catalog/channels`: a channel, in which every product gets a listing, published there or not.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_web::{Body, Caller, Created};

use super::model::{CHANNELS_MAX, Channel, ChannelCreate};
use super::store::{channel_count, channel_unset_default, channel_write};
use crate::clients::check_locations;
use crate::listing::{Scope, refresh_scope, topology_change};
use crate::{Catalog, CatalogWrite};

pub(super) async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Body(input): Body<ChannelCreate>,
) -> Result<Created<Channel>, Fault> {
    let locations = input.location_ids.clone();
    app.db
        .idempotent_after(
            caller.operation("channel_create", &input),
            async || check_locations(&app, &caller, &locations).await,
            async |tx, ()| {
                topology_change(tx).await?;
                let count = channel_count(tx).await?;
                if CHANNELS_MAX <= count {
                    let detail = format!("An environment has at most {CHANNELS_MAX} channels.");
                    return Err(Fault::new(Code::Unprocessable, "too_many_channels", detail));
                }
                let channel = Channel::new(tx.new_id(), tx.now(), input, count == 0)?;
                if channel.is_default {
                    let now = tx.now();
                    for former in channel_unset_default(tx, channel.id, now).await? {
                        tx.publish(&former);
                    }
                }
                channel_write(tx, &channel).await?;
                refresh_scope(tx, Scope::All).await?;
                tx.publish(&channel);
                app.channels_changed(tx);
                Ok(channel)
            },
        )
        .await
}
