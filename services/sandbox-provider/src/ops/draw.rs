//! Captures, voids and refunds, under the lock of their authorisation.

use bloom_db::idempotency;
use bloom_fault::{Code, Fault};
use bloom_runtime::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::authorise::{finish, follow};
use crate::Sandbox;
use crate::domain::{Authorisation, Kind, Movement, MovementKind, Plan, Status};
use crate::store::authorisation::{authorisation_lock, authorisation_update};
use crate::store::movement::{movement_by_key, movement_insert};

/// What is to be moved.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MovementCreate {
    authorisation: String,
    amount: i64,
}

/// The movement as the reply shows it.
pub(crate) async fn draw(
    app: &Sandbox,
    call: &RequestContext,
    key: &str,
    kind: MovementKind,
    input: MovementCreate,
) -> Result<Value, Fault> {
    let Some((Kind::Authorisation, authorisation)) = Kind::parse(&input.authorisation) else {
        return Err(Fault::not_found("authorisation"));
    };
    let fingerprint = bloom_runtime::request_context::fingerprint(kind.as_str(), &input);
    let mut tx = app.db.write(call).await?;
    let authorisation = authorisation_lock(&mut tx, authorisation).await?.ok_or_else(|| Fault::not_found("authorisation"))?;
    if let Some(known) = movement_by_key(&mut tx, key).await? {
        return if known.fingerprint == fingerprint { Ok(known.json()) } else { Err(idempotency::reused()) };
    }
    let plan = Plan::of(authorisation.token, Kind::Movement(kind));
    let now = app.host.now(call.tenant);
    let new = Movement {
        id: app.host.id::<Uuid>(call.tenant),
        authorisation_id: authorisation.id,
        kind,
        idempotency_key: key.to_owned(),
        fingerprint,
        amount: input.amount,
        status: plan.stored.0,
        sequence: plan.stored.1,
        created_at: now,
    };
    let drawn = take(authorisation, kind, input.amount)?;
    authorisation_update(&mut tx, &drawn).await?;
    movement_insert(&mut tx, call.tenant, &new).await.map_err(|error| {
        // The key was used meanwhile for another authorisation.
        if bloom_fault::constraint(&error) == Some("movement_idempotency_key") { idempotency::reused() } else { error.into() }
    })?;
    let show = |(status, sequence)| Movement { status, sequence, ..new.clone() }.json();
    let notices = follow(app, &mut tx, &plan, Kind::Movement(kind), new.id, now, &show).await?;
    tx.commit().await?;
    finish(app, call, &plan, &notices).await;
    Ok(show(plan.replied))
}

/// Takes an amount out of what is left, or refuses.
fn take(mut authorisation: Authorisation, kind: MovementKind, amount: i64) -> Result<Authorisation, Fault> {
    if amount <= 0 {
        return Err(Fault::invalid("/amount", "not_positive", "An amount is above 0."));
    }
    if authorisation.status != Status::Succeeded {
        return Err(Fault::new(Code::Unprocessable, "not_authorised", "The authorisation has not succeeded."));
    }
    let left = match kind {
        MovementKind::Capture | MovementKind::Void => authorisation.left(),
        MovementKind::Refund => authorisation.captured_amount - authorisation.refunded_amount,
    };
    if left < amount {
        return Err(Fault::new(Code::Unprocessable, "amount_too_large", format!("At most {left} minor units are left.")));
    }
    match kind {
        MovementKind::Capture => authorisation.captured_amount += amount,
        MovementKind::Void => authorisation.voided_amount += amount,
        MovementKind::Refund => authorisation.refunded_amount += amount,
    }
    Ok(authorisation)
}
