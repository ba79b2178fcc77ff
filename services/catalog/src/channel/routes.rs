//! `/v1/catalog/channels`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ChannelId;
use bloom_web::Reply;
use bloom_web::{Caller, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::create::create;
use super::model::Channel;
use super::store::{channel_get, channel_list};
use super::update::update;
use crate::Catalog;
use crate::keyset::After;
use crate::permissions::CatalogRead;

pub(crate) fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .api_route(
            "/v1/catalog/channels",
            post_with(create, doc("channel_create", "Create a channel")).get_with(list, doc("channel_list", "List channels")),
        )
        .api_route(
            "/v1/catalog/channels/{channel_id}",
            get_with(get, doc("channel_get", "Get a channel")).patch_with(update, doc("channel_update", "Update a channel")),
        )
}

fn doc(id: &'static str, summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |op| op.id(id).tag("catalog").summary(summary)
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

async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ChannelId>,
) -> Result<Reply<Channel>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let channel = channel_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("channel"))?;
    let version = channel.version;
    Ok(Reply::ok(channel).etag(version))
}
