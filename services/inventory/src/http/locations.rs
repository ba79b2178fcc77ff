//! `/v1/inventory/locations`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, LocationId};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InventoryRead, InventoryWrite};
use crate::Inventory;
use crate::domain::location::{Location, PRIORITY_MAX, is_code};
use crate::ops::create_location::create_location;
use crate::ops::update_location::update_location;
use crate::store::location::{location_get, location_list};

/// A new location.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationCreate {
    /// What people and files call it: 1 to 40 letters, digits, dots, dashes and underscores; unique.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"), example = &"BLR-1")]
    pub code: String,
    /// The name.
    #[schemars(length(min = 1, max = 255), example = &"Bengaluru")]
    pub name: String,
    /// The lower the number, the earlier the location is asked for units.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub priority: i32,
    /// Whether its units are for sale.
    #[serde(default = "yes")]
    pub active: bool,
}

/// Other facts of a location; a field left out stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationUpdate {
    /// A new code.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"))]
    pub code: Option<String>,
    /// A new name.
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// A new priority.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub priority: Option<i32>,
    /// Whether its units are for sale.
    pub active: Option<bool>,
}

/// Which locations a list shows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationQuery {
    /// Items per page.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

fn yes() -> bool {
    true
}

fn check(code: Option<&str>, name: Option<&str>, priority: Option<i32>) -> Result<(), Fault> {
    if code.is_some_and(|code| !is_code(code)) {
        let rule = "A code has 1 to 40 letters, digits, dots, dashes and underscores, and begins with a letter or a digit.";
        return Err(Fault::invalid("/code", "pattern", rule));
    }
    let is_name = |name: &str| !name.trim().is_empty() && name.chars().count() <= 255 && !name.chars().any(char::is_control);
    if !name.is_none_or(is_name) {
        return Err(Fault::invalid("/name", "length", "A name has 1 to 255 characters, none of them a control character."));
    }
    if priority.is_some_and(|priority| !(0..=PRIORITY_MAX).contains(&priority)) {
        return Err(Fault::invalid("/priority", "out_of_range", format!("A priority is a number from 0 to {PRIORITY_MAX}.")));
    }
    Ok(())
}

pub(super) fn routes() -> ApiRouter<Inventory> {
    ApiRouter::new()
        .api_route(
            "/v1/inventory/locations",
            post_with(create, |op| op.id("location_create").tag("inventory").summary("Create a location"))
                .get_with(list, |op| op.id("location_list").tag("inventory").summary("List locations by priority")),
        )
        .api_route(
            "/v1/inventory/locations/{location_id}",
            get_with(fetch, |op| op.id("location_get").tag("inventory").summary("Get a location"))
                .patch_with(update, |op| op.id("location_update").tag("inventory").summary("Update a location")),
        )
}

async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Json(input): Json<LocationCreate>,
) -> Result<Reply<Location, 201>, Fault> {
    check(Some(&input.code), Some(&input.name), Some(input.priority))?;
    create_location(&app, &caller, input).await
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Query(query): Query<LocationQuery>,
) -> Result<Reply<Page<Location>>, Fault> {
    let after = app.cursors.position(caller.tenant, b"locations", query.cursor.as_deref())?;
    let rows = location_list(&mut *app.db.read(caller.tenant).await?, after, query.limit.get() + 1).await?;
    let position = |location: &Location| (location.priority, location.id);
    Ok(Reply::ok(app.cursors.page(caller.tenant, b"locations", query.limit, rows, position)))
}

async fn fetch(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Path(id): Path<LocationId>,
) -> Result<Reply<Location>, Fault> {
    let found = location_get(&mut *app.db.read(caller.tenant).await?, id).await?;
    let location = found.ok_or_else(|| Fault::not_found("location"))?;
    let version = location.version;
    Ok(Reply::ok(location).etag(version))
}

async fn update(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path(id): Path<LocationId>,
    if_match: IfMatch,
    Json(input): Json<LocationUpdate>,
) -> Result<Reply<Location>, Fault> {
    check(input.code.as_deref(), input.name.as_deref(), input.priority)?;
    update_location(&app, &caller, id, if_match, input).await
}
