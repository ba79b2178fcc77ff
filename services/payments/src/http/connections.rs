//! `/v1/payments/connections`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, patch_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{page::Page, page::PageQuery};

use super::{PaymentsRead, PaymentsWrite, secret_only};
use crate::Payments;
use crate::ops::create_connection::{ConnectionCreate, create};
use crate::ops::update_connection::{ConnectionUpdate, update};
use crate::shape::Connection;
use crate::store::connection::{connection_get, connection_list};

pub(super) fn routes() -> ApiRouter<Payments> {
    ApiRouter::new()
        .api_route(
            "/v1/payments/connections",
            get_with(list, |op| {
                op.id("payment_connection_list").tag("payments").summary("List connections to payment providers")
            }),
        )
        .api_route(
            "/v1/payments/connections",
            post_with(connection_create, |op| {
                op.id("payment_connection_create").tag("payments").summary("Create a connection to a payment provider")
            }),
        )
        .api_route(
            "/v1/payments/connections/{id}",
            get_with(fetch, |op| op.id("payment_connection_get").tag("payments").summary("Get a connection")),
        )
        .api_route(
            "/v1/payments/connections/{id}",
            patch_with(connection_update, |op| {
                op.id("payment_connection_update").tag("payments").summary("Update a connection or rotate its secrets")
            }),
        )
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<Connection>>, Fault> {
    secret_only(&caller)?;
    let before = app.cursors.position(caller.tenant, b"connections", query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = connection_list(&mut conn, before, query.limit.get() + 1).await?;
    let rows = rows.iter().map(|row| Connection::of(row, &app.notices_url)).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"connections", query.limit, rows, |row: &Connection| row.id)))
}

async fn fetch(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<ConnectionId>,
) -> Result<Reply<Connection>, Fault> {
    secret_only(&caller)?;
    let mut conn = app.db.read(caller.tenant).await?;
    let row = connection_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("connection"))?;
    Ok(Reply::ok(Connection::of(&row, &app.notices_url)).etag(row.version))
}

async fn connection_create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Json(input): Json<ConnectionCreate>,
) -> Result<Reply<Connection, 201>, Fault> {
    secret_only(&caller)?;
    create(&app, &caller, input).await
}

async fn connection_update(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<ConnectionId>,
    seen: IfMatch,
    Json(input): Json<ConnectionUpdate>,
) -> Result<Reply<Connection>, Fault> {
    secret_only(&caller)?;
    seen.required()?;
    update(&app, &caller, id, seen, input).await
}
