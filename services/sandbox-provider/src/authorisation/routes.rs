//! `/v1/authorisations`, and the issuer's page.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use bloom_fault::Fault;
use bloom_web::{Path, Query};
use serde_json::{Value, json};

use super::create::create;
use super::issuer_page::{answer, page};
use super::store::{authorisation_by_key, authorisation_get};
use crate::Sandbox;
use crate::account::{Account, KeyQuery};
use crate::object::{ObjectId, ObjectKind};

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/authorisations", get(find).post(create))
        .route("/v1/authorisations/{id}", get(fetch))
        // On the provider's own port, and behind the gateway.
        .route("/3ds/{id}", get(page).post(answer))
        .route("/sandbox/3ds/{id}", get(page).post(answer))
}

async fn find(
    State(app): State<Sandbox>,
    Account(context): Account,
    Query(query): Query<KeyQuery>,
) -> Result<Json<Value>, Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let found = authorisation_by_key(&mut conn, &query.idempotency_key).await?;
    let data: Vec<Value> = found.iter().map(|found| found.body(&app.public_url)).collect();
    Ok(Json(json!({ "data": data })))
}

async fn fetch(State(app): State<Sandbox>, Account(context): Account, Path(id): Path<String>) -> Result<Json<Value>, Fault> {
    let not_found = || Fault::not_found("authorisation");
    let Ok(ObjectId { kind: ObjectKind::Authorisation, id }) = id.parse() else { return Err(not_found()) };
    let mut conn = app.db.read(context.tenant).await?;
    let found = authorisation_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(Json(found.body(&app.public_url)))
}
