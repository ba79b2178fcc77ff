//! Reads orders and opens their personal data, unless those were erased.

use bloom_db::seal::open_many;
use bloom_fault::Fault;
use bloom_kernel::{OrderId, PersonalData};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use sqlx::PgConnection;

use super::model::Order;
use super::store::{StoredOrder, order_get, sealed_personal};
use crate::Orders;

/// An order with its personal data.
pub async fn read_order(app: &Orders, context: &RequestContext, id: OrderId) -> Result<Order, Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let stored = order_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("order"))?;
    let opened = open_personal(app, context, &mut conn, vec![stored]).await?;
    opened.into_iter().next().ok_or_else(|| Fault::not_found("order"))
}

/// The same as a reply.
pub async fn reply_with_order(app: &Orders, context: &RequestContext, id: OrderId) -> Result<Reply<Order>, Fault> {
    let order = read_order(app, context, id).await?;
    let version = order.version;
    Ok(Reply::ok(order).etag(version))
}

/// Opens the personal data of several orders with one look-up of their keys. Erased data are null.
pub async fn open_personal(
    app: &Orders,
    context: &RequestContext,
    conn: &mut PgConnection,
    stored: Vec<StoredOrder>,
) -> Result<Vec<Order>, Fault> {
    let columns: Vec<_> = stored.iter().filter_map(sealed_personal).collect();
    let mut opened = open_many(conn, &app.context, context.tenant, &columns).await?.into_iter();
    let mut orders = Vec::with_capacity(stored.len());
    for stored in stored {
        let mut order = stored.order;
        if stored.personal.is_some()
            && let Some(Some(plaintext)) = opened.next()
        {
            order.set_personal(serde_json::from_slice::<PersonalData>(&plaintext).map_err(Fault::internal)?);
        }
        orders.push(order);
    }
    Ok(orders)
}
