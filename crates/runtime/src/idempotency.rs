//! One key, one effect, one reply (draft-ietf-httpapi-idempotency-key-header-07, Stripe's semantics).
//!
//! The reply is stored in the transaction of the effect, under (tenant, operation, key). A request that finds its key
//! busy is told so (409); one that brings another body under the same key is refused (422); a refusal without effect
//! stores nothing, so a corrected request may use the key again.
//!
//! The secret keys of a tenant share their idempotency keys: a retry may come after a key was rotated, and whoever may
//! ask for the operation may read its reply. A storefront's key is in everybody's hands: it gets no reply that a secret key
//! was given, nor one of another channel.

use bloom_fault::{Code, Fault, constraint};
use bloom_kernel::{ChannelId, TenantId};
use chrono::TimeDelta;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::call::{Audience, Call};
use crate::db::{Db, TenantTx, WriteOnce};
use crate::host::Host;
use crate::reply::{Reply, Stored};
use crate::seal::{open_own, seal_own};

/// Replies are kept at least this long; published in the API description.
pub const RETENTION: TimeDelta = TimeDelta::hours(24);

/// What became of a write that may have been asked for before.
pub enum Begin<T, const STATUS: u16 = 200, W = TenantTx> {
    /// Not done yet: here is the transaction to do it in.
    Run(W),
    /// Done before: here is the reply it got.
    Replay(Reply<T, STATUS>),
}

/// What must be the same for a request to be the same one.
#[derive(Serialize)]
struct Asked<'a, T> {
    publishable: bool,
    /// Of the header or the key: the same body means something else in another channel.
    channel: Option<ChannelId>,
    input: &'a T,
}

impl Db {
    /// Begins a write that happens once per idempotency key; without a key it simply begins.
    pub async fn begin<T, const STATUS: u16>(
        &self,
        call: &Call,
        op: &'static str,
        input: &impl Serialize,
    ) -> Result<Begin<T, STATUS>, Fault> {
        let mut tx = self.write(call).await?;
        let Some(key) = &call.idempotency_key else { return Ok(Begin::Run(tx)) };
        let publishable = call.audience == Audience::Publishable;
        let fingerprint = fingerprint(op, &Asked { publishable, channel: call.channel, input });
        // The lock is tried, never waited for. Should the holder commit between this statement's snapshot and its lock,
        // the primary key refuses the second reply when it is stored.
        let lock = format!("{}:{op}:{key}", call.tenant.uuid());
        let row = sqlx::query!(
            r#"with attempt as (select pg_try_advisory_xact_lock(hashtextextended(current_schema() || $1, 0)) as locked)
               select attempt.locked as "locked!", stored.fingerprint as "fingerprint?", stored.body, stored.etag
               from attempt left join idempotency stored
                 on stored.op = $2 and stored.key = $3 and stored.expires_at > $4"#,
            lock,
            op,
            key,
            self.host.now(call.tenant),
        )
        .fetch_one(&mut *tx)
        .await?;
        match row.fingerprint {
            Some(stored) if stored == fingerprint => {
                // Ended here and not by being dropped: until then it holds the lock that the next request with the key tries.
                tx.rollback().await?;
                let body = row.body.map(|sealed| self.host.unseal_reply(call.tenant, op, key, &sealed)).transpose()?;
                Ok(Begin::Replay(Reply::replayed(body, row.etag)?))
            }
            Some(_) => Err(reused()),
            None if row.locked => {
                tx.idempotency = Some(Stored { op, key: key.clone(), fingerprint });
                Ok(Begin::Run(tx))
            }
            None => Err(in_progress()),
        }
    }
}

impl Db {
    /// The same for a write of one statement, whose reply is known before it: without a key the statement is all there is.
    pub async fn begin_once<T: Serialize, const STATUS: u16>(
        &self,
        call: &Call,
        op: &'static str,
        input: &impl Serialize,
        reply: &Reply<T, STATUS>,
    ) -> Result<Begin<T, STATUS, WriteOnce<'static>>, Fault> {
        if call.idempotency_key.is_none() {
            return Ok(Begin::Run(self.write_once(call)));
        }
        match self.begin(call, op, input).await? {
            Begin::Run(mut tx) => {
                tx.remember(reply).await?;
                Ok(Begin::Run(tx.last()))
            }
            Begin::Replay(reply) => Ok(Begin::Replay(reply)),
        }
    }
}

impl Db {
    /// What a request gets that cannot be done: the reply of the one that did it before under its key, else the refusal.
    pub async fn replay_or<T, const STATUS: u16>(
        &self,
        call: &Call,
        op: &'static str,
        input: &impl Serialize,
        refusal: Fault,
    ) -> Result<Reply<T, STATUS>, Fault> {
        if call.idempotency_key.is_none() {
            return Err(refusal);
        }
        match self.begin(call, op, input).await? {
            Begin::Replay(reply) => Ok(reply),
            Begin::Run(tx) => {
                tx.rollback().await?;
                Err(refusal)
            }
        }
    }
}

impl TenantTx {
    /// Stores the reply under the call's key, when it has one, and commits both with the effect.
    pub async fn finish<T: Serialize, const STATUS: u16>(mut self, reply: Reply<T, STATUS>) -> Result<Reply<T, STATUS>, Fault> {
        self.remember(&reply).await?;
        self.commit().await?;
        Ok(reply)
    }

    /// Stores the reply under the call's key, when it has one.
    async fn remember<T: Serialize, const STATUS: u16>(&mut self, reply: &Reply<T, STATUS>) -> Result<(), Fault> {
        if let Some(stored) = self.idempotency.take() {
            let now = self.host.now(self.tenant);
            let body = self.host.seal_reply(self.tenant, stored.op, &stored.key, &reply.stored_body()?);
            sqlx::query_scalar!(
                r#"insert into idempotency (tenant_id, op, key, fingerprint, status, etag, body, created_at, expires_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 on conflict (tenant_id, op, key) do update
                   set fingerprint = excluded.fingerprint, status = excluded.status, etag = excluded.etag,
                       body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at
                   where idempotency.expires_at <= excluded.created_at
                 returning true as "stored!""#,
                self.tenant.uuid(),
                stored.op,
                stored.key,
                stored.fingerprint,
                i16::try_from(STATUS).unwrap_or(200),
                reply.version(),
                body,
                now,
                now + RETENTION,
            )
            .fetch_optional(&mut **self)
            .await
            .map_err(|error| if constraint(&error).is_some() { in_progress() } else { error.into() })?
            .ok_or_else(in_progress)?;
        }
        Ok(())
    }
}

/// Replies may hold personal data and secrets: at rest they are sealed with the service's own key.
impl Host {
    fn seal_reply(&self, tenant: TenantId, op: &str, key: &str, body: &str) -> Vec<u8> {
        let tenant = tenant.uuid();
        seal_own(self, "idempotency", &[tenant.as_bytes(), op.as_bytes(), b"\0", key.as_bytes()], body.as_bytes())
    }

    fn unseal_reply(&self, tenant: TenantId, op: &str, key: &str, sealed: &[u8]) -> Result<String, Fault> {
        let tenant = tenant.uuid();
        let body = open_own(self, "idempotency", &[tenant.as_bytes(), op.as_bytes(), b"\0", key.as_bytes()], sealed)?;
        String::from_utf8(body).map_err(Fault::internal)
    }
}

/// A digest of operation and input: what "the same request" means.
pub fn fingerprint(op: &str, input: &impl Serialize) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(op.as_bytes());
    hash.update([0]);
    // Inputs are structs of strings, numbers and sorted maps: their serialisation is canonical and cannot fail.
    hash.update(serde_json::to_vec(input).unwrap_or_default());
    hash.finalize().to_vec()
}

/// The refusal of a key that came before with another body.
pub fn reused() -> Fault {
    Fault::new(
        Code::Unprocessable,
        "idempotency_key_reused",
        "This Idempotency-Key was used before with a different request. Use a new key for a new request.",
    )
}

/// The refusal while the first request with the key still runs.
pub fn in_progress() -> Fault {
    Fault::new(
        Code::Conflict,
        "idempotency_in_progress",
        "A request with this Idempotency-Key is still being worked on. Retry in a second to get its reply.",
    )
    .retry_after(1)
}
