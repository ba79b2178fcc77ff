//! `/v1/delivery-options`.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{DeliveryOptionId, Limit};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;

use super::create::create;
use super::model::DeliveryOption;
use super::store::{FIRST, delivery_option_get, delivery_option_list};
use super::update::update;
use crate::Carts;
use crate::permissions::CartsWrite;

pub(crate) fn routes() -> ApiRouter<Carts> {
    ApiRouter::new()
        .api_route(
            "/v1/delivery-options",
            get_with(list, |op| op.id("delivery_option_list").tag("delivery").summary("List delivery options"))
                .post_with(create, |op| op.id("delivery_option_create").tag("delivery").summary("Create a delivery option")),
        )
        .api_route(
            "/v1/delivery-options/{delivery_option_id}",
            get_with(get, |op| op.id("delivery_option_get").tag("delivery").summary("Get a delivery option"))
                .patch_with(update, |op| {
                    op.id("delivery_option_update").tag("delivery").summary("Update or deactivate a delivery option")
                }),
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeliveryOptionFilter {
    /// Options per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Only active options, or only inactive ones.
    #[serde(default)]
    active: Option<bool>,
}

async fn list(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    Query(query): Query<DeliveryOptionFilter>,
) -> Result<Reply<Page<DeliveryOption>>, Fault> {
    let filter = format!("delivery_options:{:?}", query.active);
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), query.cursor.as_deref())?.unwrap_or(FIRST);
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = delivery_option_list(&mut conn, query.active, after, query.limit.get() + 1).await?;
    let position = |option: &DeliveryOption| (option.position, option.id);
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), query.limit, rows, position)))
}

async fn get(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    Path(id): Path<DeliveryOptionId>,
) -> Result<Reply<DeliveryOption>, Fault> {
    let option = delivery_option_get(&app.db, caller.tenant, id).await?.ok_or_else(|| Fault::not_found("delivery option"))?;
    let version = option.version;
    Ok(Reply::ok(option).etag(version))
}
