//! SQL of checkouts.

use bloom_contract_cart::CartToken;
use bloom_db::WriteOnce;
use bloom_db::write_once;
use bloom_events::ExportPage;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, HoldId, OperationId, OrderId, PaymentId, TenantId, Timestamp};
use bloom_runtime::RequestContext;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{Checkout, CheckoutAction, CheckoutStatus};
use crate::failure::Failure;

/// A checkout as stored: the state of its saga. All ids that the saga sends to other services are chosen when the row is inserted.
#[derive(Debug, Clone)]
pub struct CheckoutRecord {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: CheckoutId,
    /// The cart.
    pub cart_id: CartId,
    /// Its status.
    pub status: CheckoutStatus,
    /// Digest of the request: another request with its idempotency key is refused.
    pub fingerprint: Vec<u8>,
    /// The caller that requested it.
    pub actor: String,
    /// Digest of the request's cart token.
    pub token_digest: Option<Vec<u8>>,
    /// Sealed secrets; removed when it has ended.
    pub secrets: Option<Vec<u8>>,
    /// The order, once it is placed.
    pub order_id: OrderId,
    /// The hold.
    pub hold_id: HoldId,
    /// The payment.
    pub payment_id: PaymentId,
    /// Operation that authorises the payment.
    pub authorise_id: OperationId,
    /// Operation that voids it.
    pub void_id: OperationId,
    /// Operation that refunds it, should it be captured.
    pub refund_id: OperationId,
    /// What the payer must do.
    pub action: Option<Json<CheckoutAction>>,
    /// Why it failed.
    pub failure: Option<Json<Failure>>,
    /// When it fails unless it has ended by then.
    pub deadline: Timestamp,
    /// True when nothing is left to do in other services.
    pub settled: bool,
    /// The order was confirmed the moment it was placed.
    pub confirmed: bool,
    /// How many queries for the payment's status have been sent.
    pub attempts: i32,
    /// 0 until it is first published.
    pub version: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl CheckoutRecord {
    /// The checkout as its buyer sees it, without the order.
    pub fn public(&self) -> Checkout {
        // A checkout that failed at once may have failed before its payment was requested.
        let has_payment = 0 < self.attempts || self.status == CheckoutStatus::Completed;
        Checkout {
            id: self.id,
            status: self.status,
            cart_id: self.cart_id,
            order_id: Some(self.order_id).filter(|_| self.status == CheckoutStatus::Completed),
            order: None,
            payment_id: Some(self.payment_id).filter(|_| has_payment),
            action: self.action.clone().map(|json| json.0).filter(|_| self.status == CheckoutStatus::ActionRequired),
            failure: self.failure.clone().map(|json| json.0),
            expires_at: self.deadline,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Inserts a checkout; false when its idempotency key is taken.
pub async fn checkout_insert(write: WriteOnce<'_>, checkout: &CheckoutRecord, key: &str) -> sqlx::Result<bool> {
    let inserted = write_once!(
        write,
        "changed as (
             insert into checkout (tenant_id, id, cart_id, status, idempotency_key, fingerprint, actor, token_digest, secrets,
                                   order_id, hold_id, payment_id, authorise_id, void_id, refund_id, deadline, settled, attempts,
                                   version, created_at, updated_at)
             values ($1, $4, $5, 'processing', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, false, 0, 0, $18, $18)
             on conflict (tenant_id, idempotency_key) do nothing
             returning version as answer
         )",
        checkout.id.uuid(),
        checkout.cart_id.uuid(),
        key,
        checkout.fingerprint,
        checkout.actor,
        checkout.token_digest,
        checkout.secrets,
        checkout.order_id.uuid(),
        checkout.hold_id.uuid(),
        checkout.payment_id.uuid(),
        checkout.authorise_id.uuid(),
        checkout.void_id.uuid(),
        checkout.refund_id.uuid(),
        checkout.deadline,
        checkout.created_at,
    )?;
    Ok(inserted.is_some())
}

/// A checkout.
pub async fn checkout_get(conn: &mut PgConnection, id: CheckoutId) -> sqlx::Result<Option<CheckoutRecord>> {
    sqlx::query_as!(
        CheckoutRecord,
        r#"select tenant_id as "tenant: _", id as "id: _", cart_id as "cart_id: _", status as "status: _", fingerprint, actor, token_digest,
                  secrets, order_id as "order_id: _", hold_id as "hold_id: _", payment_id as "payment_id: _",
                  authorise_id as "authorise_id: _", void_id as "void_id: _", refund_id as "refund_id: _",
                  action as "action: _", failure as "failure: _", deadline, settled, confirmed, attempts, version,
                  created_at, updated_at
           from checkout where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// A checkout that the caller may see: a guest shows their cart's token. Any other one is refused as an unknown id.
pub async fn checkout_of_caller(
    conn: &mut PgConnection,
    context: &RequestContext,
    token: &CartToken,
    id: CheckoutId,
) -> Result<CheckoutRecord, Fault> {
    token.required(context)?;
    let stored = checkout_get(conn, id).await?.filter(|stored| token.opens(context, stored.token_digest.as_deref()));
    stored.ok_or_else(|| Fault::not_found("checkout"))
}

/// The checkout that came with an idempotency key.
pub async fn checkout_by_key(conn: &mut PgConnection, key: &str) -> sqlx::Result<Option<CheckoutRecord>> {
    sqlx::query_as!(
        CheckoutRecord,
        r#"select tenant_id as "tenant: _", id as "id: _", cart_id as "cart_id: _", status as "status: _", fingerprint, actor, token_digest,
                  secrets, order_id as "order_id: _", hold_id as "hold_id: _", payment_id as "payment_id: _",
                  authorise_id as "authorise_id: _", void_id as "void_id: _", refund_id as "refund_id: _",
                  action as "action: _", failure as "failure: _", deadline, settled, confirmed, attempts, version,
                  created_at, updated_at
           from checkout where idempotency_key = $1"#,
        key,
    )
    .fetch_optional(conn)
    .await
}

/// Published checkouts of all tenants, for the export.
pub async fn checkout_export(conn: &mut PgConnection, page: ExportPage<CheckoutId>) -> sqlx::Result<Vec<(TenantId, Checkout)>> {
    let (tenant, id) = page.position();
    let records = sqlx::query_as!(
        CheckoutRecord,
        r#"select tenant_id as "tenant: _", id as "id: _", cart_id as "cart_id: _", status as "status: _", fingerprint, actor,
                  token_digest, secrets, order_id as "order_id: _", hold_id as "hold_id: _", payment_id as "payment_id: _",
                  authorise_id as "authorise_id: _", void_id as "void_id: _", refund_id as "refund_id: _",
                  action as "action: _", failure as "failure: _", deadline, settled, confirmed, attempts, version,
                  created_at, updated_at
           from checkout where (tenant_id, id) > ($1, $2) and version > 0 order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(records.into_iter().map(|record| (record.tenant, record.public())).collect())
}

/// Stores that the checkout waits for its payment; false when it may not become an order any more.
pub async fn checkout_wait(conn: &mut PgConnection, checkout: &CheckoutRecord) -> sqlx::Result<bool> {
    let updated = sqlx::query!(
        "update checkout
         set status = $2, action = $3, deadline = $4, attempts = $5, version = $6, updated_at = $7
         where id = $1 and status in ('processing', 'payment_pending', 'action_required')",
        checkout.id.uuid(),
        checkout.status.as_str(),
        &checkout.action as _,
        checkout.deadline,
        checkout.attempts,
        checkout.version,
        checkout.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Stores that nothing is left to do in other services.
pub async fn checkout_settle(write: WriteOnce<'_>, id: CheckoutId) -> sqlx::Result<()> {
    write_once!(
        write,
        "changed as (update checkout set settled = true where tenant_id = $1 and id = $4 returning version as answer)",
        id.uuid(),
    )?;
    Ok(())
}

/// What a checkout that fails has to release, and its new version.
pub struct Compensating {
    /// The hold.
    pub hold_id: HoldId,
    /// The version.
    pub version: i64,
}

/// Stores that the checkout fails, before anything is undone; nothing when it is completed or has failed already.
pub async fn checkout_compensate(
    conn: &mut PgConnection,
    id: CheckoutId,
    failure: &Failure,
    now: Timestamp,
) -> sqlx::Result<Option<Compensating>> {
    sqlx::query_as!(
        Compensating,
        r#"update checkout set status = 'compensating', failure = $2, action = null, version = version + 1, updated_at = $3
           where id = $1 and status in ('processing', 'payment_pending', 'action_required')
           returning hold_id as "hold_id: HoldId", version"#,
        id.uuid(),
        Json(failure) as _,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// Ends a checkout that was undone. Without `keep_key` its idempotency key may be used again: nothing has happened under it.
pub async fn checkout_fail(conn: &mut PgConnection, id: CheckoutId, keep_key: bool, now: Timestamp) -> sqlx::Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "update checkout
         set status = 'failed', settled = true, secrets = null, version = version + 1, updated_at = $3,
             idempotency_key = case when $2 then idempotency_key end
         where id = $1 and status = 'compensating'
         returning version",
        id.uuid(),
        keep_key,
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(version)
}

/// Deletes a checkout that was refused before it had any effect.
pub async fn checkout_delete(conn: &mut PgConnection, id: CheckoutId) -> sqlx::Result<()> {
    sqlx::query!("delete from checkout where id = $1 and status = 'processing' and version = 0", id.uuid()).execute(conn).await?;
    Ok(())
}

/// Deletes a checkout that failed long ago.
pub async fn checkout_purge(conn: &mut PgConnection, id: CheckoutId) -> sqlx::Result<()> {
    sqlx::query!("delete from checkout where id = $1 and status = 'failed'", id.uuid()).execute(conn).await?;
    Ok(())
}

/// Replaces an expired hold, of a checkout whose status and hold are those that the saga has read; false when another driver has
/// changed either: of two new holds, one would never be released.
pub async fn checkout_replace_hold(conn: &mut PgConnection, checkout: &CheckoutRecord, hold: HoldId) -> sqlx::Result<bool> {
    let updated = sqlx::query!(
        "update checkout set hold_id = $2
         where id = $1 and hold_id = $3 and (status in ('processing', 'payment_pending', 'action_required')) = $4
             and status not in ('compensating', 'failed')",
        checkout.id.uuid(),
        hold.uuid(),
        checkout.hold_id.uuid(),
        checkout.status.may_place(),
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// A checkout that is not completed.
pub struct UnfinishedCheckout {
    /// Its id.
    pub id: CheckoutId,
    /// Its status.
    pub status: CheckoutStatus,
}

/// The checkouts among these that are not completed.
pub async fn checkouts_unfinished(conn: &mut PgConnection, ids: &[CheckoutId]) -> sqlx::Result<Vec<UnfinishedCheckout>> {
    sqlx::query_as!(
        UnfinishedCheckout,
        r#"select id as "id: CheckoutId", status as "status: CheckoutStatus" from checkout where id = any($1) and status <> 'completed'"#,
        ids as &[CheckoutId],
    )
    .fetch_all(conn)
    .await
}
