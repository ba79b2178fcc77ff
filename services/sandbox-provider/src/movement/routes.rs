//! `/v1/captures`, `/v1/voids`, `/v1/refunds`

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use bloom_fault::Fault;
use bloom_web::{Path, Query};
use serde_json::{Value, json};

use super::create::create;
use super::model::{Collection, Movement};
use super::store::{movement_by_key, movement_get};
use crate::Sandbox;
use crate::account::{Account, KeyQuery};
use crate::object::{ObjectId, ObjectKind};

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new().route("/v1/{collection}", get(find).post(create)).route("/v1/{collection}/{id}", get(fetch))
}

async fn find(
    State(app): State<Sandbox>,
    Account(context): Account,
    Path(collection): Path<Collection>,
    Query(query): Query<KeyQuery>,
) -> Result<Json<Value>, Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let found = movement_by_key(&mut conn, &query.idempotency_key).await?.filter(|found| found.kind == collection.kind());
    let data: Vec<Value> = found.iter().map(Movement::body).collect();
    Ok(Json(json!({ "data": data })))
}

async fn fetch(
    State(app): State<Sandbox>,
    Account(context): Account,
    Path((collection, id)): Path<(Collection, String)>,
) -> Result<Json<Value>, Fault> {
    let not_found = || Fault::not_found("movement");
    let Ok(ObjectId { kind: ObjectKind::Movement(kind), id }) = id.parse() else { return Err(not_found()) };
    if kind != collection.kind() {
        return Err(not_found());
    }
    let mut conn = app.db.read(context.tenant).await?;
    let found = movement_get(&mut conn, id).await?.filter(|found| found.kind == kind).ok_or_else(not_found)?;
    Ok(Json(found.body()))
}
