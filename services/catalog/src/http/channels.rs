//! `/v1/catalog/channels`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ChannelId;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::{CatalogRead, CatalogWrite};
use crate::Catalog;
use crate::domain::channel::{Channel, ChannelCreate, ChannelPatch};
use crate::ops::{create_channel, update_channel};
use crate::store::After;
use crate::store::channel::{channel_get, channel_list};

pub(super) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/channels",
            post_with(create, doc("channel_create", "Create a channel")).get_with(list, doc("channel_list", "List channels")),
        )
        .api_route(
            "/v1/catalog/channels/{id}",
            get_with(fetch, doc("channel_get", "Get a channel")).patch_with(update, doc("channel_update", "Update a channel")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
}

async fn create(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Json(input): Json<ChannelCreate>,
) -> Result<Reply<Channel, 201>, Fault> {
    create_channel::create_channel(&app, &caller, input).await
}

async fn update(
    State(app): State<Catalog>,
    caller: Caller<CatalogWrite>,
    Path(id): Path<ChannelId>,
    seen: IfMatch,
    Json(patch): Json<ChannelPatch>,
) -> Result<Reply<Channel>, Fault> {
    update_channel::update_channel(&app, &caller, id, seen, patch).await
}

async fn fetch(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ChannelId>,
) -> Result<Reply<Channel>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let channel = channel_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("channel"))?;
    let version = channel.version;
    Ok(Reply::ok(channel).etag(version))
}

async fn list(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Channel>>, Fault> {
    let after: Option<ChannelId> = app.cursors.position(caller.tenant, b"channels", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = channel_list(&mut conn, After::new(caller.tenant, after), query.limit.get() + 1).await?;
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"channels", query.limit, rows, |row| row.id)))
}
