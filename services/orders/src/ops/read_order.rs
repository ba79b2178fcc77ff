//! Reads an order with the buyer's data, unless they were erased.

use bloom_db::seal::open_many;
use bloom_fault::Fault;
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use sqlx::PgConnection;

use crate::Orders;
use crate::domain::order::{Order, Personal};
use crate::store::order::{Stored, order_get, subject};

/// An order.
pub async fn read_order(app: &Orders, call: &RequestContext, id: OrderId) -> Result<Reply<Order>, Fault> {
    let order = load(app, call, id).await?;
    let version = order.version;
    Ok(Reply::ok(order).etag(version))
}

/// An order with the buyer's data.
pub async fn load(app: &Orders, call: &RequestContext, id: OrderId) -> Result<Order, Fault> {
    let mut connection = app.db.read(call.tenant).await?;
    let stored = order_get(&mut connection, id).await?.ok_or_else(|| Fault::not_found("order"))?;
    let opened = open_personal(app, call, &mut connection, vec![stored]).await?;
    opened.into_iter().next().ok_or_else(|| Fault::not_found("order"))
}

/// Opens the buyers' data of several orders with one look-up of their keys. Erased data are null.
pub async fn open_personal(
    app: &Orders,
    call: &RequestContext,
    connection: &mut PgConnection,
    stored: Vec<Stored>,
) -> Result<Vec<Order>, Fault> {
    let columns: Vec<_> = stored.iter().filter_map(subject).collect();
    let opened = open_many(connection, &app.host, call.tenant, &columns).await?;
    let mut opened = opened.into_iter();
    let mut orders = Vec::with_capacity(stored.len());
    for stored in stored {
        let mut order = stored.order;
        if stored.personal.is_some()
            && let Some(Some(plaintext)) = opened.next()
        {
            order.set_personal(serde_json::from_slice::<Personal>(&plaintext).map_err(Fault::internal)?);
        }
        orders.push(order);
    }
    Ok(orders)
}
