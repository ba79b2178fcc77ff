//! `/v1/payments/connections`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, patch_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_runtime::Reply;
use bloom_runtime::http::page::{Page, PageQuery};
use bloom_runtime::http::{Caller, Path, Query};

use super::create::create;
use super::model::ConnectionDto;
use super::store::{connection_get, connection_list};
use super::update::update;
use crate::Payments;
use crate::access::{PaymentsRead, require_secret_key};

pub(crate) fn routes() -> ApiRouter<Payments> {
    ApiRouter::new()
        .api_route(
            "/v1/payments/connections",
            get_with(list, |op| {
                op.id("payment_connection_list").tag("payments").summary("List connections to payment providers")
            }),
        )
        .api_route(
            "/v1/payments/connections",
            post_with(create, |op| {
                op.id("payment_connection_create").tag("payments").summary("Create a connection to a payment provider")
            }),
        )
        .api_route(
            "/v1/payments/connections/{connection_id}",
            get_with(get, |op| op.id("payment_connection_get").tag("payments").summary("Get a connection")),
        )
        .api_route(
            "/v1/payments/connections/{connection_id}",
            patch_with(update, |op| {
                op.id("payment_connection_update").tag("payments").summary("Update a connection or rotate its secrets")
            }),
        )
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<ConnectionDto>>, Fault> {
    require_secret_key(&caller)?;
    let before = app.cursors.position(caller.tenant, b"connections", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = connection_list(&mut conn, before, query.limit.get() + 1).await?;
    let rows = rows.iter().map(|row| ConnectionDto::new(row, &app.notices_url)).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"connections", query.limit, rows, |row: &ConnectionDto| row.id)))
}

async fn get(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<ConnectionId>,
) -> Result<Reply<ConnectionDto>, Fault> {
    require_secret_key(&caller)?;
    let mut conn = app.db.read(caller.tenant).await?;
    let row = connection_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
    Ok(Reply::ok(ConnectionDto::new(&row, &app.notices_url)).etag(row.version))
}
