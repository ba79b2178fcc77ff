//! Checkouts: the rows of the purchase saga.

use bloom_db::WriteOnce;
use bloom_db::write_once;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, HoldId, OperationId, OrderId, PaymentId, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::checkout::{Action, Checkout, CheckoutStatus, Failure};

/// A checkout as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: CheckoutId,
    /// The cart.
    pub cart_id: CartId,
    /// Where it stands.
    pub status: CheckoutStatus,
    /// What the request was, to tell a repeat from a misuse of its key.
    pub fingerprint: Vec<u8>,
    /// Who asked.
    pub actor: String,
    /// Digest of the cart token that came with the request.
    pub token_digest: Option<Vec<u8>>,
    /// Sealed [instructions](crate::instructions); gone when it has ended.
    pub instructions: Option<Vec<u8>>,
    /// The order to be.
    pub order_id: OrderId,
    /// The hold.
    pub hold_id: HoldId,
    /// The payment.
    pub payment_id: PaymentId,
    /// Its authorisation.
    pub authorise_id: OperationId,
    /// What gives it up.
    pub void_id: OperationId,
    /// What gives it back, should it have been drawn.
    pub refund_id: OperationId,
    /// What the payer must do.
    pub action: Option<Action>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it is given up.
    pub deadline: Timestamp,
    /// True when nothing is left to do in other services.
    pub settled: bool,
    /// The order was confirmed the moment it was placed.
    pub confirmed: bool,
    /// How often the payment was asked after.
    pub attempts: i32,
    /// 0 until it is first published.
    pub version: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Stored {
    /// The REST resource, without the order.
    pub fn public(&self) -> Checkout {
        // One that failed at once may have failed before there was a payment.
        let paying = 0 < self.attempts || self.status == CheckoutStatus::Completed;
        Checkout {
            id: self.id,
            status: self.status,
            cart_id: self.cart_id,
            order_id: Some(self.order_id).filter(|_| self.status == CheckoutStatus::Completed),
            order: None,
            payment_id: Some(self.payment_id).filter(|_| paying),
            action: self.action.clone().filter(|_| self.status == CheckoutStatus::ActionRequired),
            failure: self.failure.clone(),
            expires_at: self.deadline,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

struct Row {
    tenant: TenantId,
    id: CheckoutId,
    cart_id: CartId,
    status: String,
    fingerprint: Vec<u8>,
    actor: String,
    token_digest: Option<Vec<u8>>,
    instructions: Option<Vec<u8>>,
    order_id: OrderId,
    hold_id: HoldId,
    payment_id: PaymentId,
    authorise_id: OperationId,
    void_id: OperationId,
    refund_id: OperationId,
    action: Option<Json<Action>>,
    failure: Option<Json<Failure>>,
    deadline: Timestamp,
    settled: bool,
    confirmed: bool,
    attempts: i32,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Stored {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let unknown = || Fault::internal(format!("a checkout has the unknown status {}", row.status));
        Ok(Self {
            status: CheckoutStatus::parse(&row.status).ok_or_else(unknown)?,
            tenant: row.tenant,
            id: row.id,
            cart_id: row.cart_id,
            fingerprint: row.fingerprint,
            actor: row.actor,
            token_digest: row.token_digest,
            instructions: row.instructions,
            order_id: row.order_id,
            hold_id: row.hold_id,
            payment_id: row.payment_id,
            authorise_id: row.authorise_id,
            void_id: row.void_id,
            refund_id: row.refund_id,
            action: row.action.map(|json| json.0),
            failure: row.failure.map(|json| json.0),
            deadline: row.deadline,
            settled: row.settled,
            confirmed: row.confirmed,
            attempts: row.attempts,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Begins a checkout; false when the key is taken.
pub async fn checkout_insert(write: WriteOnce<'_>, checkout: &Stored, key: &str) -> Result<bool, Fault> {
    let inserted = write_once!(
        write,
        "changed as (
             insert into checkout (tenant_id, id, cart_id, status, idempotency_key, fingerprint, actor, token_digest, instructions,
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
        checkout.instructions,
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
pub async fn checkout_get(connection: &mut PgConnection, id: CheckoutId) -> Result<Option<Stored>, Fault> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant: _", id as "id: _", cart_id as "cart_id: _", status, fingerprint, actor, token_digest,
                  instructions, order_id as "order_id: _", hold_id as "hold_id: _", payment_id as "payment_id: _",
                  authorise_id as "authorise_id: _", void_id as "void_id: _", refund_id as "refund_id: _",
                  action as "action: _", failure as "failure: _", deadline, settled, confirmed, attempts, version,
                  created_at, updated_at
           from checkout where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(Stored::try_from).transpose()
}

/// The checkout that came with an idempotency key.
pub async fn checkout_by_key(connection: &mut PgConnection, key: &str) -> Result<Option<Stored>, Fault> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant: _", id as "id: _", cart_id as "cart_id: _", status, fingerprint, actor, token_digest,
                  instructions, order_id as "order_id: _", hold_id as "hold_id: _", payment_id as "payment_id: _",
                  authorise_id as "authorise_id: _", void_id as "void_id: _", refund_id as "refund_id: _",
                  action as "action: _", failure as "failure: _", deadline, settled, confirmed, attempts, version,
                  created_at, updated_at
           from checkout where idempotency_key = $1"#,
        key,
    )
    .fetch_optional(connection)
    .await?;
    row.map(Stored::try_from).transpose()
}

/// Published checkouts of all tenants after a place in the order of tenant and id.
pub async fn checkout_export(
    connection: &mut PgConnection,
    after: (TenantId, CheckoutId),
    limit: i64,
) -> Result<Vec<Stored>, Fault> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant: _", id as "id: _", cart_id as "cart_id: _", status, fingerprint, actor, token_digest,
                  instructions, order_id as "order_id: _", hold_id as "hold_id: _", payment_id as "payment_id: _",
                  authorise_id as "authorise_id: _", void_id as "void_id: _", refund_id as "refund_id: _",
                  action as "action: _", failure as "failure: _", deadline, settled, confirmed, attempts, version,
                  created_at, updated_at
           from checkout where (tenant_id, id) > ($1, $2) and version > 0 order by tenant_id, id limit $3"#,
        after.0.uuid(),
        after.1.uuid(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Notes that the checkout waits for its payment; false when it no longer may become an order.
pub async fn checkout_wait(connection: &mut PgConnection, checkout: &Stored) -> Result<bool, Fault> {
    let updated = sqlx::query!(
        "update checkout
         set status = $2, action = $3, deadline = $4, attempts = $5, version = $6, updated_at = $7
         where id = $1 and status in ('processing', 'payment_pending', 'action_required')",
        checkout.id.uuid(),
        checkout.status.as_str(),
        checkout.action.as_ref().map(Json) as Option<Json<&Action>>,
        checkout.deadline,
        checkout.attempts,
        checkout.version,
        checkout.updated_at,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Nothing is left to do in other services.
pub async fn checkout_settle(write: WriteOnce<'_>, id: CheckoutId) -> Result<(), Fault> {
    write_once!(
        write,
        "changed as (update checkout set settled = true where tenant_id = $1 and id = $4 returning version as answer)",
        id.uuid(),
    )?;
    Ok(())
}

/// Decides that the checkout has failed, before anything is undone, and answers the hold that is to be let go; nothing when
/// it has been completed, or decided before.
pub async fn checkout_compensate(
    connection: &mut PgConnection,
    id: CheckoutId,
    failure: &Failure,
    now: Timestamp,
) -> Result<Option<HoldId>, Fault> {
    Ok(sqlx::query_scalar!(
        r#"update checkout set status = 'compensating', failure = $2, action = null, updated_at = $3
           where id = $1 and status in ('processing', 'payment_pending', 'action_required')
           returning hold_id as "hold_id: HoldId""#,
        id.uuid(),
        Json(failure) as _,
        now,
    )
    .fetch_optional(connection)
    .await?)
}

/// Ends a checkout that was undone. Without `keep_key` its key may be used again: nothing happened under it.
pub async fn checkout_fail(
    connection: &mut PgConnection,
    id: CheckoutId,
    keep_key: bool,
    now: Timestamp,
) -> Result<Option<i64>, Fault> {
    let version = sqlx::query_scalar!(
        "update checkout
         set status = 'failed', buying = null, settled = true, instructions = null, version = version + 1, updated_at = $3,
             idempotency_key = case when $2 then idempotency_key end
         where id = $1 and status = 'compensating'
         returning version",
        id.uuid(),
        keep_key,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(version)
}

/// Forgets a checkout that was refused before it had any effect.
pub async fn checkout_delete(connection: &mut PgConnection, id: CheckoutId) -> Result<(), Fault> {
    sqlx::query!("delete from checkout where id = $1 and status = 'processing' and version = 0", id.uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets a checkout that failed long ago.
pub async fn checkout_forget(connection: &mut PgConnection, id: CheckoutId) -> Result<(), Fault> {
    sqlx::query!("delete from checkout where id = $1 and status = 'failed'", id.uuid()).execute(connection).await?;
    Ok(())
}

/// Takes another hold for one that ran out, for a checkout that is where its driver believes it to be; false when it is
/// not, or when somebody else has taken another hold meanwhile: of two new holds, one would never be let go.
pub async fn checkout_rehold(connection: &mut PgConnection, checkout: &Stored, hold: HoldId) -> Result<bool, Fault> {
    let updated = sqlx::query!(
        "update checkout set hold_id = $2
         where id = $1 and hold_id = $3 and (status in ('processing', 'payment_pending', 'action_required')) = $4
             and status not in ('compensating', 'failed')",
        checkout.id.uuid(),
        hold.uuid(),
        checkout.hold_id.uuid(),
        checkout.status.may_place(),
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// A checkout that a payment event concerns.
pub struct Concerned {
    /// Which.
    pub id: CheckoutId,
    /// Where it stands.
    pub status: CheckoutStatus,
}

/// The checkouts among these that are not through.
pub async fn checkout_concerned(connection: &mut PgConnection, ids: &[CheckoutId]) -> Result<Vec<Concerned>, Fault> {
    let rows = sqlx::query!(
        r#"select id as "id: CheckoutId", status from checkout where id = any($1) and status <> 'completed'"#,
        ids as &[CheckoutId],
    )
    .fetch_all(connection)
    .await?;
    let concerned =
        rows.into_iter().filter_map(|row| Some(Concerned { id: row.id, status: CheckoutStatus::parse(&row.status)? }));
    Ok(concerned.collect())
}
