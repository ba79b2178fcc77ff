//! `/v1/catalog/channels`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ChannelId;
use bloom_web::{Caller, List, NoFilter, Page, Path, Reply, Routes};

use super::create::create;
use super::model::Channel;
use super::store::{channel_get, channel_list};
use super::update::update;
use crate::keyset::After;
use crate::{Catalog, CatalogRead};

pub(crate) fn routes() -> Routes<Catalog> {
    Routes::new("/v1/catalog/channels")
        .post("channel_create", "Create a channel", create)
        .get("channel_list", "List channels", list)
        .at("/{channel_id}")
        .get("channel_get", "Get a channel", get)
        .patch("channel_update", "Update a channel", update)
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Channel>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = channel_list(&mut conn, After::new(caller.tenant, page.after::<ChannelId>()?), page.rows()).await?;
    Ok(page.finish(rows.into_iter().map(|(_, channel)| channel).collect(), |channel| channel.id))
}

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ChannelId>,
) -> Result<Reply<Channel>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let channel = channel_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("channel"))?;
    Ok(channel.into())
}
