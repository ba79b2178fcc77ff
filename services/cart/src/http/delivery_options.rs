//! `/v1/delivery-options`: ways to deliver and their tables of charges.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{DeliveryOptionId, Limit};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CartsWrite, DeliveryOptionsWrite};
use crate::CartService;
use crate::domain::delivery::DeliveryOption;
use crate::ops::save_delivery_option::{
    DeliveryOptionCreate, DeliveryOptionPatch, create_delivery_option, update_delivery_option,
};
use crate::store::delivery_option::{delivery_option_get, delivery_option_list};

pub(super) fn routes() -> ApiRouter<CartService> {
    ApiRouter::new()
        .api_route(
            "/v1/delivery-options",
            get_with(delivery_option_page, |op| op.id("delivery_option_list").tag("delivery").summary("List delivery options"))
                .post_with(delivery_option_create, |op| {
                    op.id("delivery_option_create").tag("delivery").summary("Create a delivery option")
                }),
        )
        .api_route(
            "/v1/delivery-options/{delivery_option_id}",
            get_with(delivery_option_read, |op| op.id("delivery_option_get").tag("delivery").summary("Get a delivery option"))
                .patch_with(delivery_option_change, |op| {
                    op.id("delivery_option_update").tag("delivery").summary("Update or deactivate a delivery option")
                }),
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeliveryOptionQuery {
    /// Options per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Only those that are offered (or no longer are).
    #[serde(default)]
    active: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct Position(i32, DeliveryOptionId);

async fn delivery_option_page(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    Query(query): Query<DeliveryOptionQuery>,
) -> Result<Reply<Page<DeliveryOption>>, Fault> {
    let filter = format!("delivery_options:{:?}", query.active);
    let position = app.cursors.position(caller.tenant, filter.as_bytes(), query.cursor.as_deref())?;
    let Position(place, id) = position.unwrap_or(Position(i32::MIN, DeliveryOptionId::from_uuid(Uuid::nil())));
    let mut connection = app.db.read(caller.tenant).await?;
    let rows = delivery_option_list(&mut connection, query.active, (place, id), query.limit.get() + 1).await?;
    let place = |option: &DeliveryOption| Position(option.position, option.id);
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), query.limit, rows, place)))
}

async fn delivery_option_create(
    State(app): State<CartService>,
    caller: Caller<DeliveryOptionsWrite>,
    Json(input): Json<DeliveryOptionCreate>,
) -> Result<Reply<DeliveryOption, 201>, Fault> {
    create_delivery_option(&app, &caller, input).await
}

async fn delivery_option_read(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    Path(id): Path<DeliveryOptionId>,
) -> Result<Reply<DeliveryOption>, Fault> {
    let option = delivery_option_get(&app.db, caller.tenant, id).await?.ok_or_else(|| Fault::not_found("delivery option"))?;
    let version = option.version;
    Ok(Reply::ok(option).etag(version))
}

async fn delivery_option_change(
    State(app): State<CartService>,
    caller: Caller<DeliveryOptionsWrite>,
    if_match: IfMatch,
    Path(id): Path<DeliveryOptionId>,
    Json(input): Json<DeliveryOptionPatch>,
) -> Result<Reply<DeliveryOption>, Fault> {
    update_delivery_option(&app, &caller, id, if_match, input).await
}
