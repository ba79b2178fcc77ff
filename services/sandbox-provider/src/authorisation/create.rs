//! `POST /v1/authorisations`: creates an authorisation that behaves as its token says.

use axum::Json;
use axum::extract::State;
use bloom_db::idempotency;
use bloom_fault::Fault;
use bloom_kernel::{Currency, ViolationCode};
use bloom_runtime::RequestContext;
use bloom_runtime::request_context::fingerprint;
use bloom_web::Body;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::Authorisation;
use super::store::{authorisation_by_key, authorisation_insert};
use crate::Sandbox;
use crate::account::{Account, IdempotencyKey};
use crate::object::{ObjectKind, Status};
use crate::scenario::{Plan, Token, play, play_before_reply};

/// A new authorisation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthorisationCreate {
    amount: i64,
    currency: Currency,
    token: String,
    return_url: Option<String>,
}

pub(super) async fn create(
    State(app): State<Sandbox>,
    Account(context): Account,
    IdempotencyKey(key): IdempotencyKey,
    Body(input): Body<AuthorisationCreate>,
) -> Result<(StatusCode, Json<Value>), Fault> {
    if input.amount <= 0 {
        return Err(Fault::invalid("/amount", ViolationCode::OutOfRange, "An amount is above 0."));
    }
    let token = Token::parse(&input.token).ok_or_else(token_unknown)?;
    let plan = Plan::new(token, ObjectKind::Authorisation);
    let new = new_authorisation(&app, &context, key, &plan, token, input);
    let show = |(status, sequence)| Authorisation { status, sequence, ..new.clone() }.body(&app.public_url);
    let reply = (StatusCode::CREATED, Json(show(plan.replied)));
    if plan.is_silent() {
        let inserted = authorisation_insert(app.db.write_once(&context), &new).await?;
        return if inserted { Ok(reply) } else { replay(&app, &context, &new).await };
    }
    let notices = app
        .db
        .transaction(&context, async |tx| {
            if !authorisation_insert(tx.step(), &new).await? {
                return Ok(None);
            }
            play(tx, &plan, new.object_id(), show).await.map(Some)
        })
        .await?;
    let Some(notices) = notices else { return replay(&app, &context, &new).await };
    play_before_reply(&app, &context, &plan, &notices).await;
    Ok(reply)
}

fn new_authorisation(
    app: &Sandbox,
    context: &RequestContext,
    key: String,
    plan: &Plan,
    token: Token,
    input: AuthorisationCreate,
) -> Authorisation {
    Authorisation {
        tenant_id: context.tenant,
        id: app.context.id(context.tenant),
        idempotency_key: key,
        fingerprint: fingerprint("authorisation", &input),
        amount: input.amount,
        currency: input.currency,
        token,
        return_url: input.return_url,
        status: plan.stored.0,
        failure_code: (plan.stored.0 == Status::Failed).then(|| "card_declined".to_owned()),
        captured_amount: 0,
        voided_amount: 0,
        refunded_amount: 0,
        sequence: plan.stored.1,
        created_at: app.context.now(context.tenant),
    }
}

/// The refusal of an unknown token does not repeat it: it may be a card's number.
fn token_unknown() -> Fault {
    let detail = "The provider does not know this token. Try `tok_success`, `tok_decline` or `tok_3ds`.";
    Fault::invalid("/token", ViolationCode::Unknown, detail)
}

/// The authorisation that the key created before.
async fn replay(app: &Sandbox, context: &RequestContext, new: &Authorisation) -> Result<(StatusCode, Json<Value>), Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let known = authorisation_by_key(&mut conn, &new.idempotency_key).await?.ok_or_else(idempotency::in_progress)?;
    if known.fingerprint != new.fingerprint {
        return Err(idempotency::reused());
    }
    Ok((StatusCode::CREATED, Json(known.body(&app.public_url))))
}
