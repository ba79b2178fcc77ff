//! `/v1/authorisations`, `/v1/captures`, `/v1/voids`, `/v1/refunds`

use axum::extract::State;
use axum::routing::get;
use axum::{Json as Body, Router};
use bloom_fault::{Code, Fault};
use bloom_web::{Json, Path, Query};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use crate::Sandbox;
use crate::domain::{Kind, MovementKind};
use crate::ops::authorise::{AuthorisationCreate, authorise};
use crate::ops::draw::{MovementCreate, draw};
use crate::store::authorisation::{authorisation_by_key, authorisation_get};
use crate::store::movement::{movement_by_key, movement_get};

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/authorisations", get(authorisation_find).post(authorisation_create))
        .route("/v1/authorisations/{id}", get(authorisation_fetch))
        .route("/v1/{movements}", get(movement_find).post(movement_create))
        .route("/v1/{movements}/{id}", get(movement_fetch))
}

/// A collection of movements, as paths name it.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Movements {
    Captures,
    Voids,
    Refunds,
}

impl Movements {
    fn kind(self) -> MovementKind {
        match self {
            Self::Captures => MovementKind::Capture,
            Self::Voids => MovementKind::Void,
            Self::Refunds => MovementKind::Refund,
        }
    }
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Find {
    idempotency_key: String,
}

fn key(headers: &HeaderMap) -> Result<&str, Fault> {
    headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .filter(|key| !key.is_empty() && key.len() <= 255)
        .ok_or_else(|| Fault::new(Code::Invalid, "idempotency_key_required", "Send an Idempotency-Key of 1 to 255 characters."))
}

async fn authorisation_create(
    State(app): State<Sandbox>,
    Account(call): Account,
    headers: HeaderMap,
    Json(input): Json<AuthorisationCreate>,
) -> Result<(StatusCode, Body<Value>), Fault> {
    Ok((StatusCode::CREATED, Body(authorise(&app, &call, key(&headers)?, input).await?)))
}

async fn authorisation_find(
    State(app): State<Sandbox>,
    Account(call): Account,
    Query(find): Query<Find>,
) -> Result<Body<Value>, Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let found = authorisation_by_key(&mut conn, &find.idempotency_key).await?;
    let data: Vec<Value> = found.iter().map(|found| found.json(&app.public_url)).collect();
    Ok(Body(json!({ "data": data })))
}

async fn authorisation_fetch(
    State(app): State<Sandbox>,
    Account(call): Account,
    Path(id): Path<String>,
) -> Result<Body<Value>, Fault> {
    let Some((Kind::Authorisation, id)) = Kind::parse(&id) else { return Err(Fault::not_found("authorisation")) };
    let mut conn = app.db.read(call.tenant).await?;
    let found = authorisation_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("authorisation"))?;
    Ok(Body(found.json(&app.public_url)))
}

async fn movement_create(
    State(app): State<Sandbox>,
    Account(call): Account,
    Path(movements): Path<Movements>,
    headers: HeaderMap,
    Json(input): Json<MovementCreate>,
) -> Result<(StatusCode, Body<Value>), Fault> {
    Ok((StatusCode::CREATED, Body(draw(&app, &call, key(&headers)?, movements.kind(), input).await?)))
}

async fn movement_find(
    State(app): State<Sandbox>,
    Account(call): Account,
    Path(movements): Path<Movements>,
    Query(find): Query<Find>,
) -> Result<Body<Value>, Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let found = movement_by_key(&mut conn, &find.idempotency_key).await?.filter(|found| found.kind == movements.kind());
    let data: Vec<Value> = found.iter().map(crate::domain::Movement::json).collect();
    Ok(Body(json!({ "data": data })))
}

async fn movement_fetch(
    State(app): State<Sandbox>,
    Account(call): Account,
    Path((movements, id)): Path<(Movements, String)>,
) -> Result<Body<Value>, Fault> {
    let unknown = || Fault::not_found("movement");
    let Some((Kind::Movement(kind), id)) = Kind::parse(&id) else { return Err(unknown()) };
    if kind != movements.kind() {
        return Err(unknown());
    }
    let mut conn = app.db.read(call.tenant).await?;
    let found = movement_get(&mut conn, id).await?.filter(|found| found.kind == kind).ok_or_else(unknown)?;
    Ok(Body(found.json()))
}
