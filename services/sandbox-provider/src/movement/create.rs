//! `POST /v1/captures`, `/v1/voids`, `/v1/refunds`: moves money, under the lock of the authorisation.

use axum::Json;
use axum::extract::State;
use bloom_db::idempotency;
use bloom_fault::Fault;
use bloom_runtime::request_context::fingerprint;
use bloom_web::{Body, Path};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{Collection, Movement};
use super::store::{movement_by_key, movement_insert};
use crate::Sandbox;
use crate::account::{Account, IdempotencyKey};
use crate::authorisation::{authorisation_lock, authorisation_update};
use crate::object::{ObjectId, ObjectKind};
use crate::scenario::{Plan, play, play_before_reply};

/// A new movement.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MovementCreate {
    authorisation: String,
    amount: i64,
}

pub(super) async fn create(
    State(app): State<Sandbox>,
    Account(context): Account,
    Path(collection): Path<Collection>,
    IdempotencyKey(key): IdempotencyKey,
    Body(input): Body<MovementCreate>,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let kind = collection.kind();
    let not_found = || Fault::not_found("authorisation");
    let Ok(ObjectId { kind: ObjectKind::Authorisation, id }) = input.authorisation.parse() else { return Err(not_found()) };
    let fingerprint = fingerprint(kind.as_str(), &input);
    let created = app
        .db
        .transaction(&context, async |tx| {
            let mut authorisation = authorisation_lock(tx, id).await?.ok_or_else(not_found)?;
            if let Some(known) = movement_by_key(tx, &key).await? {
                return if known.fingerprint == fingerprint { Ok((known.body(), None)) } else { Err(idempotency::reused()) };
            }
            let plan = Plan::new(authorisation.token, ObjectKind::Movement(kind));
            let new = Movement {
                id: tx.new_id(),
                authorisation_id: authorisation.id,
                kind,
                idempotency_key: key,
                fingerprint,
                amount: input.amount,
                status: plan.stored.0,
                sequence: plan.stored.1,
                created_at: tx.now(),
            };
            authorisation.draw(kind, input.amount)?;
            authorisation_update(tx, &authorisation).await?;
            movement_insert(tx, &new).await?;
            let show = |(status, sequence)| Movement { status, sequence, ..new.clone() }.body();
            let notices = play(tx, &plan, new.object_id(), show).await?;
            Ok((show(plan.replied), Some((plan, notices))))
        })
        .await?;
    let (body, played) = created;
    if let Some((plan, notices)) = played {
        play_before_reply(&app, &context, &plan, &notices).await;
    }
    Ok((StatusCode::CREATED, Json(body)))
}
