//! `/v1/inventory/holds`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::{HoldId, Limit, LocationId, VariantId};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, Json, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InventoryRead, InventoryWrite};
use crate::domain::LINES_MAX;
use crate::domain::hold::{Hold, HoldStatus};
use crate::error::Refusal;
use crate::ops::extend_hold::extend_hold_in;
use crate::ops::hold_stock::{LineWanted, Placed, place_hold};
use crate::ops::release_hold::release_hold_in;
use crate::store::hold::{hold_get, hold_list};
use crate::{Inventory, convert};

/// Units to be held.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldCreate {
    /// Locations in the order in which they are asked; every active one by priority when left out.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub location_ids: Vec<LocationId>,
    /// All of them are held, or none.
    #[schemars(length(min = 1, max = 200))]
    pub lines: Vec<HoldLineCreate>,
    /// Seconds from now until the hold ends by itself.
    #[serde(default = "ten_minutes")]
    #[schemars(range(min = 1, max = 2_678_400))]
    pub ttl_seconds: i64,
}

/// Units of one variant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldLineCreate {
    /// Your name of the line, unique in the hold.
    #[schemars(length(min = 1, max = 100))]
    pub line_id: String,
    /// The variant.
    pub variant_id: VariantId,
    /// Units.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub quantity: i64,
}

/// More time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldExtend {
    /// Seconds from now until the hold ends by itself.
    #[schemars(range(min = 1, max = 2_678_400))]
    pub ttl_seconds: i64,
}

/// Which holds a list shows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldQuery {
    /// Holds that stand like this.
    pub status: Option<HoldStatus>,
    /// Items per page.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

fn ten_minutes() -> i64 {
    600
}

pub(super) fn routes() -> ApiRouter<Inventory> {
    ApiRouter::new()
        .api_route(
            "/v1/inventory/holds",
            post_with(create, |op| op.id("hold_create").tag("inventory").summary("Create a hold"))
                .get_with(list, |op| op.id("hold_list").tag("inventory").summary("List holds, newest first")),
        )
        .api_route(
            "/v1/inventory/holds/{hold_id}",
            get_with(fetch, |op| op.id("hold_get").tag("inventory").summary("Get a hold")),
        )
        .api_route(
            "/v1/inventory/holds/{hold_id}/extend",
            post_with(extend, |op| op.id("hold_extend").tag("inventory").summary("Extend a hold")),
        )
        .api_route(
            "/v1/inventory/holds/{hold_id}/release",
            post_with(release, |op| op.id("hold_release").tag("inventory").summary("Release a hold")),
        )
}

async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Json(input): Json<HoldCreate>,
) -> Result<Reply<Hold, 201>, Fault> {
    if LINES_MAX < input.location_ids.len() {
        return Err(Fault::invalid("/location_ids", "too_many", format!("At most {LINES_MAX} are allowed here.")));
    }
    let lines = input.lines.iter().map(|line| LineWanted {
        line_id: line.line_id.clone(),
        variant_id: line.variant_id,
        quantity: line.quantity,
    });
    let id = app.host.id(caller.tenant);
    let wanted = convert::hold_wanted(id, input.location_ids.clone(), lines.collect(), input.ttl_seconds)?;
    let _turns = app.turns.take(input.lines.iter().map(|line| line.variant_id), caller.deadline).await?;
    let mut tx = match app.db.begin(&caller, "hold_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let hold = match place_hold(&app, &mut tx, &caller, &wanted).await? {
        Placed::New(hold) => hold,
        Placed::Taken => return Err(Refusal::IdReused.into()),
        Placed::Short(shortages) => return Err(Refusal::InsufficientStock(shortages).into()),
    };
    let version = hold.version;
    let reply = tx.finish(Reply::created(hold).etag(version)).await?;
    app.marks.left(caller.tenant);
    Ok(reply)
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Query(query): Query<HoldQuery>,
) -> Result<Reply<Page<Hold>>, Fault> {
    let filter = format!("holds {:?}", query.status);
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), query.cursor.as_deref())?;
    let (now, limit) = (app.host.now(caller.tenant), query.limit.get() + 1);
    let rows = hold_list(&mut *app.db.read(caller.tenant).await?, query.status, after, now, limit).await?;
    let rows = rows.into_iter().map(|hold| hold.at(now)).collect();
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), query.limit, rows, |hold| hold.id)))
}

async fn fetch(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Path(id): Path<HoldId>,
) -> Result<Reply<Hold>, Fault> {
    let stored = hold_get(&mut *app.db.read(caller.tenant).await?, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
    Ok(Reply::ok(stored.hold.at(app.host.now(caller.tenant))))
}

async fn extend(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path(id): Path<HoldId>,
    Json(input): Json<HoldExtend>,
) -> Result<Reply<Hold>, Fault> {
    let seconds = convert::ttl(input.ttl_seconds)?;
    let mut tx = match app.db.begin(&caller, "hold_extend", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let hold = extend_hold_in(&app, &mut tx, &caller, id, seconds).await?;
    tx.finish(Reply::ok(hold)).await
}

async fn release(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path(id): Path<HoldId>,
) -> Result<Reply<Hold>, Fault> {
    let mut tx = match app.db.begin(&caller, "hold_release", &id).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let hold = release_hold_in(&app, &mut tx, &caller, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
    let reply = tx.finish(Reply::ok(hold.at(app.host.now(caller.tenant)))).await?;
    app.marks.left(caller.tenant);
    Ok(reply)
}
