//! Delivers notices.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use bloom_runtime::RequestContext;
use serde_json::Value;
use uuid::Uuid;

use super::model::{DeliveryAttempt, NoticeCopy, body, retry_after, sign};
use super::store::{notice_attempted, notice_body, notice_insert};
use crate::Sandbox;
use crate::account::endpoint_get;

/// Timer that delivers one copy of a notice.
pub(crate) const DELIVER: &str = "sandbox.deliver";

/// Stores a notice about an object, to be delivered at a given time in this number of copies. Returns its id.
pub(crate) async fn notify(tx: &mut TenantTx, object: &Value, copies: u32, at: Timestamp) -> Result<Uuid, Fault> {
    let notice: Uuid = tx.new_id();
    notice_insert(tx, notice, &body(&name(notice), object).to_string()).await?;
    for copy in 0..copies {
        deliver_at(tx, NoticeCopy { notice, copy }, 0, at);
    }
    Ok(notice)
}

fn deliver_at(tx: &mut TenantTx, copy: NoticeCopy, attempt: u32, at: Timestamp) {
    tx.schedule(DELIVER, &copy.to_string(), at, &DeliveryAttempt { attempt });
}

/// The timer of a copy: attempts to deliver it, and schedules the next attempt when that fails.
pub(crate) async fn deliver(
    app: &Sandbox,
    context: &RequestContext,
    copy: NoticeCopy,
    DeliveryAttempt { attempt }: DeliveryAttempt,
) -> Result<(), Fault> {
    let outcome = send(app, context.tenant, copy.notice).await?;
    app.db
        .transaction(context, async |tx| {
            let now = tx.now();
            notice_attempted(tx, copy.notice, outcome.as_ref().err().map(String::as_str), now).await?;
            if let Err(error) = outcome {
                tracing::warn!(notice = %copy.notice, attempt, error, "a notice was not accepted");
                if let Some(wait) = retry_after(attempt) {
                    deliver_at(tx, copy, attempt + 1, now + wait);
                }
            }
            Ok(())
        })
        .await
}

/// Delivers the first copy before its timer does; the timer delivers it if this fails.
pub(crate) async fn deliver_now(app: &Sandbox, context: &RequestContext, notice: Uuid) {
    if let Err(fault) = deliver(app, context, NoticeCopy { notice, copy: 0 }, DeliveryAttempt { attempt: 0 }).await {
        tracing::warn!(%notice, cause = fault.chain(), "a notice could not be delivered before the reply");
    }
}

/// Sends a notice to the account's current endpoint; the inner error says why it was not accepted.
async fn send(app: &Sandbox, account: TenantId, notice: Uuid) -> Result<Result<(), String>, Fault> {
    let mut conn = app.db.read(account).await?;
    let Some(body) = notice_body(&mut conn, notice).await? else { return Ok(Ok(())) };
    let Some(endpoint) = endpoint_get(&mut conn).await? else { return Ok(Err("the account has no endpoint".to_owned())) };
    drop(conn);
    let (name, timestamp) = (name(notice), app.context.platform_now().timestamp());
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

fn name(notice: Uuid) -> String {
    format!("evt_{}", notice.simple())
}
