//! Notices: written down with the change that they tell, then delivered until they are taken or given up.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::Timestamp;
use bloom_runtime::RequestContext;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::notice::{body, retry_after, sign};
use crate::store::endpoint::endpoint_get;
use crate::store::notice::{notice_attempted, notice_body, notice_insert};
use crate::{Sandbox, timers};

/// Writes a notice about an object, to be delivered at a time in so many copies.
pub(crate) async fn announce(
    app: &Sandbox,
    tx: &mut TenantTx,
    object: &Value,
    copies: u32,
    at: Timestamp,
) -> Result<Uuid, Fault> {
    let account = tx.tenant();
    let id = app.host.id::<Uuid>(account);
    let text = body(&name(id), object).to_string();
    notice_insert(tx, account, id, &text, app.host.now(account)).await?;
    for copy in 0..copies {
        timers::deliver_at(tx, id, copy, 0, at).await?;
    }
    Ok(id)
}

/// Attempt number `attempt` (from 0) to deliver one copy; a failed one is repeated later.
pub(crate) async fn deliver(app: &Sandbox, call: &RequestContext, id: Uuid, copy: u32, attempt: u32) -> Result<(), Fault> {
    let outcome = send(app, call, id).await?;
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    notice_attempted(&mut tx, id, outcome.as_ref().err().map(String::as_str), now).await?;
    if let Err(error) = outcome {
        tracing::warn!(notice = %id, attempt, error, "a notice was not taken");
        if let Some(wait) = retry_after(attempt) {
            timers::deliver_at(&mut tx, id, copy, attempt + 1, now + wait).await?;
        }
    }
    tx.commit().await
}

/// Delivers the first copy before its timer does. Should that fail, the timer does it.
pub(crate) async fn deliver_now(app: &Sandbox, call: &RequestContext, id: Uuid) {
    if let Err(fault) = deliver(app, call, id, 0, 0).await {
        tracing::warn!(notice = %id, cause = fault.chain(), "a notice could not be delivered before the reply");
    }
}

/// The answer of the receiver, or why there is none.
async fn send(app: &Sandbox, call: &RequestContext, id: Uuid) -> Result<Result<(), String>, Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let Some(body) = notice_body(&mut conn, id).await? else { return Ok(Ok(())) };
    let Some(endpoint) = endpoint_get(&mut conn).await? else { return Ok(Err("the account has no endpoint".to_owned())) };
    drop(conn);
    let (name, timestamp) = (name(id), app.host.platform_now().timestamp());
    let sent = app
        .client
        .post(&endpoint.url)
        .header("content-type", "application/json")
        .header("webhook-id", &name)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", sign(&endpoint.secret, &name, timestamp, &body))
        .body(body)
        .send()
        .await;
    Ok(match sent {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("status {}", response.status())),
        Err(error) => Err(error.to_string()),
    })
}

fn name(id: Uuid) -> String {
    format!("evt_{}", id.simple())
}
