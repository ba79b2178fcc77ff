//! `/v1/payments/connections`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ConnectionId;
use bloom_web::{Caller, List, NoFilter, Page, Path, Reply, Routes};

use super::create::create;
use super::model::PaymentConnection;
use super::store::{connection_get, connection_list};
use super::update::update;
use crate::access::require_secret_key;
use crate::{Payments, PaymentsRead};

pub(crate) fn routes() -> Routes<Payments> {
    Routes::new("/v1/payments/connections")
        .post("payment_connection_create", "Create a connection to a payment provider", create)
        .get("payment_connection_list", "List connections to payment providers", list)
        .at("/{connection_id}")
        .get("payment_connection_get", "Get a connection", get)
        .patch("payment_connection_update", "Update a connection or rotate its secrets", update)
}

async fn list(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<PaymentConnection>>, Fault> {
    require_secret_key(&caller)?;
    let before = page.after()?;
    let mut conn = app.db.read(caller.tenant).await?;
    Ok(page.finish(connection_list(&mut conn, before, page.rows()).await?, |connection| connection.id))
}

async fn get(
    State(app): State<Payments>,
    caller: Caller<PaymentsRead>,
    Path(id): Path<ConnectionId>,
) -> Result<Reply<PaymentConnection>, Fault> {
    require_secret_key(&caller)?;
    let mut conn = app.db.read(caller.tenant).await?;
    Ok(connection_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("connection"))?.into())
}
