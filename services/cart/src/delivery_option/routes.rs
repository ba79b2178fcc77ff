//! `/v1/delivery-options`.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::DeliveryOptionId;
use bloom_web::{Caller, List, Page, Path, Reply, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::create::create;
use super::model::DeliveryOption;
use super::store::{delivery_option_get, delivery_option_list};
use super::update::update;
use crate::{Carts, CartsWrite};

pub(crate) fn routes() -> Routes<Carts> {
    Routes::new("/v1/delivery-options")
        .post("delivery_option_create", "Create a delivery option", create)
        .get("delivery_option_list", "List delivery options", list)
        .at("/{delivery_option_id}")
        .get("delivery_option_get", "Get a delivery option", get)
        .patch("delivery_option_update", "Update or deactivate a delivery option", update)
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeliveryOptionFilter {
    /// Only active options, or only inactive ones.
    #[serde(default)]
    active: Option<bool>,
}

async fn list(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    List(page): List<DeliveryOptionFilter>,
) -> Result<Reply<Page<DeliveryOption>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = delivery_option_list(&mut conn, page.filter.active, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |option| (option.position, option.id)))
}

async fn get(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    Path(id): Path<DeliveryOptionId>,
) -> Result<Reply<DeliveryOption>, Fault> {
    let option = delivery_option_get(&app.db, caller.tenant, id).await?.ok_or_else(|| Fault::not_found("delivery option"))?;
    Ok(option.into())
}
