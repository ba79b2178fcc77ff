//! `/v1/orders`: list, search, get and update; the operations with a decision have files of their own.

use axum::extract::State;
use bloom_db::Answer;
use bloom_db::seal::blind_index;
use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{Limit, Moment, OrderId, Timestamp};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Doc, IfMatch, List, Page, PageRequest, Paging, Path, Reply, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{FulfilmentStatus, Order, OrderPaymentStatus, OrderStatus, OrderUpdate};
use super::read::{open_personal, reply_with_order};
use super::save::{Change, lock_order, save};
use super::store::{OrderFilter, order_list, plan_with_values};
use super::{cancel, capture, refund, timeline};
use crate::{Orders, OrdersRead, OrdersWrite};

pub(crate) fn routes() -> Routes<Orders> {
    Routes::new("/v1/orders")
        .get("order_list", "List orders, newest first", list)
        .at("/search")
        .post("order_search", "Search orders, by e-mail too", search)
        .at("/{order_id}")
        .get("order_get", "Get an order", get)
        .patch("order_update", "Update the metadata of an order", update)
        .at("/{order_id}/timeline")
        .get("order_timeline", "List the timeline of an order", timeline::timeline)
        .at("/{order_id}/cancel")
        .post("order_cancel", Doc::new("Cancel an order").needs_key(), cancel::cancel)
        .at("/{order_id}/captures")
        .post("order_capture", Doc::new("Capture the payment of an order, all or a part of it").needs_key(), capture::capture)
        .at("/{order_id}/refunds")
        .post("order_refund", Doc::new("Refund an order, all or a part of it").needs_key(), refund::refund)
}

/// The filter of a list of orders.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct OrderListFilter {
    /// The number.
    number: Option<String>,
    /// The buyer's e-mail address, in any letter case. Better sent in the body of `POST /v1/orders/search`.
    email: Option<String>,
    /// The status.
    status: Option<OrderStatus>,
    /// The status of the payment.
    payment_status: Option<OrderPaymentStatus>,
    /// The status of the goods.
    fulfilment_status: Option<FulfilmentStatus>,
    /// Placed at or after.
    placed_from: Option<Moment>,
    /// Placed before.
    placed_to: Option<Moment>,
}

/// A search of orders: the filter and page of a list in a body.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct OrderSearch {
    /// Orders per page, 1 to 100; 20 when absent.
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
    /// The number.
    number: Option<String>,
    /// The buyer's e-mail address, in any letter case.
    email: Option<String>,
    /// The status.
    status: Option<OrderStatus>,
    /// The status of the payment.
    payment_status: Option<OrderPaymentStatus>,
    /// The status of the goods.
    fulfilment_status: Option<FulfilmentStatus>,
    /// Placed at or after.
    placed_from: Option<Moment>,
    /// Placed before.
    placed_to: Option<Moment>,
}

async fn list(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    List(page): List<OrderListFilter>,
) -> Result<Reply<Page<Order>>, Fault> {
    find(&app, &caller, page).await
}

async fn search(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    paging: Paging,
    Body(input): Body<OrderSearch>,
) -> Result<Reply<Page<Order>>, Fault> {
    let OrderSearch { limit, cursor, number, email, status, payment_status, fulfilment_status, placed_from, placed_to } = input;
    let filter = OrderListFilter { number, email, status, payment_status, fulfilment_status, placed_from, placed_to };
    find(&app, &caller, paging.request(filter, limit, cursor)?).await
}

async fn find(app: &Orders, context: &RequestContext, page: PageRequest<OrderListFilter>) -> Result<Reply<Page<Order>>, Fault> {
    let wanted = &page.filter;
    let filter = OrderFilter {
        // Text that is not a number matches no order.
        number: wanted.number.as_deref().map(|text| text.parse().unwrap_or(-1)),
        email_index: wanted.email.as_deref().map(|email| blind_index(&app.context, context.tenant, "email", email)),
        status: wanted.status.map(OrderStatus::as_str),
        payment_status: wanted.payment_status.map(OrderPaymentStatus::as_str),
        fulfilment_status: wanted.fulfilment_status.map(FulfilmentStatus::as_str),
        placed_from: wanted.placed_from.map(Timestamp::from),
        placed_to: wanted.placed_to.map(Timestamp::from),
    };
    let mut tx = app.db.write(context).await?;
    plan_with_values(&mut tx).await?;
    let stored = order_list(&mut tx, &filter, page.after()?, page.rows()).await?;
    let orders = open_personal(app, context, &mut tx, stored).await?;
    Ok(page.finish(orders, |order| (order.placed_at, order.id)))
}

async fn get(State(app): State<Orders>, caller: Caller<OrdersRead>, Path(id): Path<OrderId>) -> Result<Reply<Order>, Fault> {
    reply_with_order(&app, &caller, id).await
}

/// What was done, for a repeat of the request.
#[derive(Serialize, Deserialize)]
struct Receipt {
    order_id: OrderId,
}

async fn update(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    if_match: IfMatch,
    Path(id): Path<OrderId>,
    Body(input): Body<OrderUpdate>,
) -> Result<Reply<Order>, Fault> {
    let seen = if_match.required()?;
    refuse_card_numbers(input.metadata.pairs())?;
    let mut is_replay = true;
    let done = app.db.idempotent(caller.operation("order_update", &(id, seen, &input)), async |tx| {
        is_replay = false;
        let mut order = lock_order(tx, id).await?;
        if_match.check(order.version)?;
        order.metadata.merge(input.metadata)?;
        save(tx, &mut order, Change::new("metadata_changed")).await?;
        Ok(Receipt { order_id: id })
    });
    let Answer(Receipt { .. }) = done.await?;
    let reply = reply_with_order(&app, &caller, id).await?;
    Ok(if is_replay { reply.repeated() } else { reply })
}
