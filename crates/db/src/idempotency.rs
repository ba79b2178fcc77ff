//! Idempotency keys: one key, one effect, one reply (draft-ietf-httpapi-idempotency-key-header-07, Stripe's semantics).
//!
//! The reply is stored in the transaction of the effect, under (tenant, operation, key). While the first request is
//! running, a second one with the same key is refused (409); the same key with another body is refused (422); a refusal
//! without effect stores nothing, so a corrected request may use the key again.
//!
//! The secret keys of a tenant share their idempotency keys: a retry may follow the rotation of a key, and a caller with
//! permission for the operation may read its reply. A publishable key is public: it never receives a reply that was given
//! to a secret key or in another channel.

use bloom_fault::{Code, Fault, constraint};
use bloom_kernel::TenantId;
use bloom_runtime::{Operation, RequestContext, ServiceContext};
use chrono::TimeDelta;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::seal::{open_own, seal_own};
use crate::{Db, TenantTx, WriteOnce};

/// Replies are kept at least this long; published in the API description.
pub const RETENTION: TimeDelta = TimeDelta::hours(24);

/// A reply that can be stored and returned again: `bloom_web::Reply` to REST callers, [`Answer`] over gRPC.
pub trait Replayable: Sized {
    /// Converts the reply to its stored form.
    fn to_stored(&self) -> Result<StoredReply, Fault>;

    /// The reply to a retry.
    fn from_stored(stored: StoredReply) -> Result<Self, Fault>;
}

/// A stored reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReply {
    /// HTTP status.
    pub status: u16,
    /// Version of the resource, for the `ETag`.
    pub version: Option<i64>,
    /// JSON text of the body.
    pub body: String,
}

/// The reply of an operation that other services call over gRPC; a retry parses it as `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<T>(pub T);

impl<T> From<T> for Answer<T> {
    fn from(answer: T) -> Self {
        Self(answer)
    }
}

impl<T: Serialize + DeserializeOwned> Replayable for Answer<T> {
    fn to_stored(&self) -> Result<StoredReply, Fault> {
        let body = serde_json::to_string(&self.0).map_err(Fault::internal)?;
        Ok(StoredReply { status: 200, version: None, body })
    }

    fn from_stored(stored: StoredReply) -> Result<Self, Fault> {
        serde_json::from_str(&stored.body).map(Self).map_err(Fault::internal)
    }
}

/// The start of a write that may be a retry.
pub enum Begin<R, W = TenantTx> {
    /// First request: the transaction to run it in.
    Run(W),
    /// Retry: the reply of the first request.
    Replay(R),
}

/// What an idempotent transaction keeps until its reply is known.
pub(crate) struct ReplySlot {
    operation: &'static str,
    key: String,
    fingerprint: Vec<u8>,
}

impl Db {
    /// Runs an operation once per idempotency key, in one transaction with its events, timers and reply. A retry
    /// receives the reply of the first run, before anything else is checked.
    ///
    /// `run` returns a resource or a whole reply. A violated constraint becomes the service's refusal.
    pub async fn idempotent<R, T, F>(&self, operation: Operation<'_>, run: F) -> Result<R, Fault>
    where
        R: Replayable,
        T: Into<R>,
        F: AsyncFnOnce(&mut TenantTx) -> Result<T, Fault>,
    {
        match self.begin_operation(operation).await? {
            Begin::Replay(reply) => Ok(reply),
            Begin::Run(tx) => self.run(tx, async |tx| run(tx).await).await,
        }
    }

    /// The same for an operation that calls another service first: `ask` runs outside of any transaction, and is
    /// skipped for a retry.
    pub async fn idempotent_after<R, P, T, A, F>(&self, operation: Operation<'_>, ask: A, run: F) -> Result<R, Fault>
    where
        R: Replayable,
        T: Into<R>,
        A: AsyncFnOnce() -> Result<P, Fault>,
        F: AsyncFnOnce(&mut TenantTx, P) -> Result<T, Fault>,
    {
        if operation.context.idempotency_key.is_some() {
            match self.begin_operation(operation.clone()).await? {
                Begin::Replay(reply) => return Ok(reply),
                Begin::Run(tx) => tx.rollback().await?,
            }
        }
        let asked = ask().await?;
        match self.begin_operation(operation).await? {
            Begin::Replay(reply) => Ok(reply),
            Begin::Run(tx) => self.run(tx, async |tx| run(tx, asked).await).await,
        }
    }

    async fn run<R, T, F>(&self, mut tx: TenantTx, run: F) -> Result<R, Fault>
    where
        R: Replayable,
        T: Into<R>,
        F: AsyncFnOnce(&mut TenantTx) -> Result<T, Fault>,
    {
        match run(&mut tx).await {
            Ok(done) => tx.finish(done.into()).await.map_err(|fault| self.explain(fault)),
            Err(fault) => {
                // Roll back explicitly: until the transaction has ended, it holds the lock that a retry with the key
                // tries to take.
                let _ = tx.rollback().await;
                Err(self.explain(fault))
            }
        }
    }

    /// Looks up the reply of an earlier run and locks the key for this one; without a key it only begins a transaction.
    pub async fn begin_operation<R: Replayable>(&self, operation: Operation<'_>) -> Result<Begin<R>, Fault> {
        let Operation { context: request, name, fingerprint } = operation;
        let mut tx = self.write(request).await?;
        let Some(key) = &request.idempotency_key else { return Ok(Begin::Run(tx)) };
        // The lock is tried without waiting. If its holder commits between this statement's snapshot and its lock, the
        // primary key refuses the second reply when it is stored.
        let lock = format!("{}:{name}:{key}", request.tenant.uuid());
        let row = sqlx::query!(
            r#"with attempt as (select pg_try_advisory_xact_lock(hashtextextended(current_schema() || $1, 0)) as locked)
               select attempt.locked as "locked!", stored.fingerprint as "fingerprint?", stored.body, stored.etag
               from attempt left join idempotency stored
                 on stored.op = $2 and stored.key = $3 and stored.expires_at > $4"#,
            lock,
            name,
            key,
            self.context.platform_now(),
        )
        .fetch_one(&mut *tx)
        .await?;
        match row.fingerprint {
            Some(stored) if stored == fingerprint => {
                // Roll back explicitly: until then it holds the lock that the next request with the key tries to take.
                tx.rollback().await?;
                let body = row.body.map(|sealed| unseal_reply(&self.context, request.tenant, name, key, &sealed)).transpose()?;
                let body = body.unwrap_or_else(|| "{}".to_owned());
                Ok(Begin::Replay(R::from_stored(StoredReply { status: 200, version: row.etag, body })?))
            }
            Some(_) => Err(reused()),
            None if row.locked => {
                tx.reply_slot = Some(ReplySlot { operation: name, key: key.clone(), fingerprint });
                Ok(Begin::Run(tx))
            }
            None => Err(in_progress()),
        }
    }

    /// The same by name and input.
    pub async fn begin<R: Replayable>(
        &self,
        request: &RequestContext,
        name: &'static str,
        input: &impl Serialize,
    ) -> Result<Begin<R>, Fault> {
        self.begin_operation(request.operation(name, input)).await
    }

    /// The same for a single-statement write whose reply is known in advance; without a key the statement is the
    /// transaction.
    pub async fn begin_once<R: Replayable>(
        &self,
        operation: Operation<'_>,
        reply: &R,
    ) -> Result<Begin<R, WriteOnce<'static>>, Fault> {
        if operation.context.idempotency_key.is_none() {
            return Ok(Begin::Run(self.write_once(operation.context)));
        }
        match self.begin_operation(operation).await? {
            Begin::Run(mut tx) => {
                tx.store_reply(reply).await?;
                Ok(Begin::Run(tx.last()))
            }
            Begin::Replay(reply) => Ok(Begin::Replay(reply)),
        }
    }

    /// The answer to an operation that is not possible (any more): the reply of an earlier run under its key, otherwise
    /// the refusal.
    pub async fn replay_or<R: Replayable>(&self, operation: Operation<'_>, refusal: Fault) -> Result<R, Fault> {
        if operation.context.idempotency_key.is_none() {
            return Err(refusal);
        }
        match self.begin_operation(operation).await? {
            Begin::Replay(reply) => Ok(reply),
            Begin::Run(tx) => {
                tx.rollback().await?;
                Err(refusal)
            }
        }
    }
}

impl TenantTx {
    /// Stores the reply under the request's key, if it has one, and commits both with the effect.
    pub async fn finish<R: Replayable>(mut self, reply: R) -> Result<R, Fault> {
        self.store_reply(&reply).await?;
        self.commit().await?;
        Ok(reply)
    }

    async fn store_reply<R: Replayable>(&mut self, reply: &R) -> Result<(), Fault> {
        let Some(slot) = self.reply_slot.take() else { return Ok(()) };
        let now = self.cause.context.platform_now();
        let tenant = self.tenant();
        let reply = reply.to_stored()?;
        let body = seal_reply(&self.cause.context, tenant, slot.operation, &slot.key, &reply.body);
        sqlx::query_scalar!(
            r#"insert into idempotency (tenant_id, op, key, fingerprint, status, etag, body, created_at, expires_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 on conflict (tenant_id, op, key) do update
                   set fingerprint = excluded.fingerprint, status = excluded.status, etag = excluded.etag,
                       body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at
                   where idempotency.expires_at <= excluded.created_at
                 returning true as "stored!""#,
            tenant.uuid(),
            slot.operation,
            slot.key,
            slot.fingerprint,
            i16::try_from(reply.status).unwrap_or(200),
            reply.version,
            body,
            now,
            now + RETENTION,
        )
        .fetch_optional(&mut **self)
        .await
        .map_err(|error| if constraint(&error).is_some() { in_progress() } else { error.into() })?
        .ok_or_else(in_progress)?;
        Ok(())
    }
}

/// Replies may contain personal data and secrets, so they are stored encrypted with the service's own key.
fn seal_reply(context: &ServiceContext, tenant: TenantId, operation: &str, key: &str, body: &str) -> Vec<u8> {
    let tenant = tenant.uuid();
    seal_own(context, "idempotency", &[tenant.as_bytes(), operation.as_bytes(), b"\0", key.as_bytes()], body.as_bytes())
}

fn unseal_reply(context: &ServiceContext, tenant: TenantId, operation: &str, key: &str, sealed: &[u8]) -> Result<String, Fault> {
    let tenant = tenant.uuid();
    let body = open_own(context, "idempotency", &[tenant.as_bytes(), operation.as_bytes(), b"\0", key.as_bytes()], sealed)?;
    String::from_utf8(body).map_err(Fault::internal)
}

/// The refusal of a key that was used with another body.
pub fn reused() -> Fault {
    Fault::new(
        Code::Unprocessable,
        "idempotency_key_reused",
        "This Idempotency-Key was used before with a different request. Use a new key for a new request.",
    )
}

/// The refusal while the first request with the key is running.
pub fn in_progress() -> Fault {
    Fault::new(
        Code::Conflict,
        "idempotency_in_progress",
        "A request with this Idempotency-Key is still being worked on. Retry in a second to get its reply.",
    )
    .retry_after(1)
}
