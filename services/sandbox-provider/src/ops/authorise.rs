//! A new authorisation, as its token plays it.

use bloom_db::{TenantTx, idempotency};
use bloom_fault::Fault;
use bloom_kernel::{Currency, Timestamp};
use bloom_runtime::RequestContext;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::deliver_notice::{announce, deliver_now};
use crate::Sandbox;
use crate::domain::{Authorisation, Kind, Plan, Status, Token};
use crate::store::authorisation::{authorisation_by_key, authorisation_insert};
use crate::timers;

/// What is to be promised.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorisationCreate {
    amount: i64,
    currency: Currency,
    #[serde(deserialize_with = "known")]
    token: Token,
    return_url: Option<String>,
}

/// A token that plays something. The refusal of another one does not repeat it: it may be a card's number.
fn known<'de, D: Deserializer<'de>>(token: D) -> Result<Token, D::Error> {
    let unknown = "The provider does not know this token. Try `tok_success`, `tok_decline` or `tok_3ds`.";
    Token::deserialize(token).map_err(|_| D::Error::custom(unknown))
}

/// The authorisation as the reply shows it.
pub(crate) async fn authorise(
    app: &Sandbox,
    call: &RequestContext,
    key: &str,
    input: AuthorisationCreate,
) -> Result<Value, Fault> {
    if input.amount <= 0 {
        return Err(Fault::invalid("/amount", "not_positive", "An amount is above 0."));
    }
    let plan = Plan::of(input.token, Kind::Authorisation);
    let now = app.host.now(call.tenant);
    let new = Authorisation {
        tenant_id: call.tenant,
        id: app.host.id::<Uuid>(call.tenant),
        idempotency_key: key.to_owned(),
        fingerprint: bloom_runtime::request_context::fingerprint("authorisation", &input),
        amount: input.amount,
        currency: input.currency,
        token: input.token,
        return_url: input.return_url,
        status: plan.stored.0,
        failure_code: (plan.stored.0 == Status::Failed).then(|| "card_declined".to_owned()),
        captured_amount: 0,
        voided_amount: 0,
        refunded_amount: 0,
        sequence: plan.stored.1,
        created_at: now,
    };
    let show = |(status, sequence)| Authorisation { status, sequence, ..new.clone() }.json(&app.public_url);
    if plan.is_silent() {
        let inserted = authorisation_insert(app.db.write_once(call), &new).await?;
        return if inserted { Ok(show(plan.replied)) } else { replay(app, call, &new).await };
    }
    let mut tx = app.db.write(call).await?;
    if !authorisation_insert(tx.step(), &new).await? {
        drop(tx);
        return replay(app, call, &new).await;
    }
    let notices = follow(app, &mut tx, &plan, Kind::Authorisation, new.id, now, &show).await?;
    tx.commit().await?;
    finish(app, call, &plan, &notices).await;
    Ok(show(plan.replied))
}

async fn replay(app: &Sandbox, call: &RequestContext, new: &Authorisation) -> Result<Value, Fault> {
    let mut read = app.db.read(call.tenant).await?;
    let known = authorisation_by_key(&mut read, &new.idempotency_key).await?.ok_or_else(idempotency::in_progress)?;
    if known.fingerprint != new.fingerprint {
        return Err(idempotency::reused());
    }
    Ok(known.json(&app.public_url))
}

/// Writes down what is to follow: notices and changes that come by themselves. Gives the ids of the notices.
pub(super) async fn follow(
    app: &Sandbox,
    tx: &mut TenantTx,
    plan: &Plan,
    kind: Kind,
    id: Uuid,
    now: Timestamp,
    show: &(impl Fn((Status, i64)) -> Value + Sync),
) -> Result<Vec<Uuid>, Fault> {
    let mut notices = Vec::new();
    for telling in &plan.notices {
        let object = show((telling.status, telling.sequence));
        notices.push(announce(app, tx, &object, telling.copies, now + telling.after).await?);
    }
    if let Some(after) = plan.settles_after {
        timers::settle_at(tx, kind, id, now + after).await?;
    }
    if let Some(after) = plan.expires_after {
        timers::expire_at(tx, kind, id, now + after).await?;
    }
    Ok(notices)
}

/// What the token plays between the commit and the reply.
pub(super) async fn finish(app: &Sandbox, call: &RequestContext, plan: &Plan, notices: &[Uuid]) {
    if plan.notices_first {
        for notice in notices {
            deliver_now(app, call, *notice).await;
        }
    }
    if plan.stalls {
        tokio::time::sleep(app.stall).await;
    }
}
