//! `/v1/inventory/movements`

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, LocationId, OrderId, VariantId};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, Query};
use schemars::JsonSchema;
use serde::Deserialize;

use super::InventoryRead;
use crate::Inventory;
use crate::domain::movement::Movement;
use crate::store::movement::{MovementFilter, movement_list};

/// Which movements a list shows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovementQuery {
    /// Movements of this variant.
    pub variant_id: Option<VariantId>,
    /// Movements at this location; needs `variant_id`.
    pub location_id: Option<LocationId>,
    /// Movements of this order.
    pub order_id: Option<OrderId>,
    /// Items per page.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Inventory> {
    ApiRouter::new().api_route(
        "/v1/inventory/movements",
        get_with(list, |op| op.id("movement_list").tag("inventory").summary("List movements, newest first")),
    )
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Query(query): Query<MovementQuery>,
) -> Result<Reply<Page<Movement>>, Fault> {
    if query.location_id.is_some() && query.variant_id.is_none() {
        return Err(Fault::invalid(
            "location_id",
            "needs_variant",
            "Movements at a location are listed by variant: add variant_id.",
        ));
    }
    let cursor_filter = format!("movements {:?} {:?} {:?}", query.variant_id, query.location_id, query.order_id);
    let after = app.cursors.position(caller.tenant, cursor_filter.as_bytes(), query.cursor.as_deref())?;
    let filter = MovementFilter { variant_id: query.variant_id, location_id: query.location_id, order_id: query.order_id };
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = movement_list(&mut conn, filter, after, query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, cursor_filter.as_bytes(), query.limit, rows, |movement| movement.id)))
}
