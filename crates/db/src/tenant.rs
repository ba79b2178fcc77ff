//! Transactions and reads of one tenant.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bloom_fault::Fault;
use bloom_kernel::{EventId, TenantId, Timestamp};
use sqlx::{Executor as _, PgConnection};
use uuid::Uuid;

use crate::Wake;
use crate::idempotency::ReplySlot;
use crate::pending::{Cause, Pending, Writer};
use crate::pool::{PooledConn, Tx};

/// A transaction of one tenant. Dropping it without [`commit`](Self::commit) rolls it back.
pub struct TenantTx {
    pub(crate) tx: Tx,
    pub(crate) cause: Cause,
    pub(crate) reply_slot: Option<ReplySlot>,
    pub(crate) pending: Pending,
    pub(crate) wake: Arc<Wake>,
}

impl TenantTx {
    pub(crate) fn new(tx: Tx, cause: Cause, wake: Arc<Wake>) -> Self {
        Self { tx, cause, reply_slot: None, pending: Pending::default(), wake }
    }

    /// The tenant whose rows it sees.
    pub fn tenant(&self) -> TenantId {
        self.cause.tenant
    }

    /// The actor of the change, as movements and the audit log record it.
    pub fn actor(&self) -> &str {
        &self.cause.actor
    }

    /// The tenant's current time.
    pub fn now(&self) -> Timestamp {
        self.cause.now()
    }

    /// A new id; ids created later sort later (`UUIDv7`).
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        self.cause.context.id(self.cause.tenant)
    }

    /// Sets the event that caused the events published from now on. Consumers call it for each event they apply.
    pub fn set_causation(&mut self, event: Option<EventId>) {
        self.cause.causation = event.map(Uuid::from);
    }

    /// Runs a hook after the commit, and never without one: for invalidating caches and notifying tasks.
    pub fn after_commit(&mut self, run: impl FnOnce() + Send + 'static) {
        self.pending.after_commit(run);
    }

    /// Continues in the same transaction as another tenant. Only identity does this: the operation that creates an
    /// environment also writes its first rows, and both must commit together.
    pub async fn enter(&mut self, tenant: TenantId) -> Result<(), Fault> {
        self.write_pending().await?;
        let id = tenant.uuid().to_string();
        sqlx::query_scalar!("select set_config('bloom.tenant', $1, true)", id).fetch_one(self.tx.conn()).await?;
        self.cause.tenant = tenant;
        Ok(())
    }

    /// Runs a part of the transaction after a savepoint. When it fails, its rows, events and timers are undone and the
    /// transaction can go on. A document that cannot be published fails the part that published it.
    pub async fn part<T, F>(&mut self, run: F) -> Result<T, Fault>
    where
        F: AsyncFnOnce(&mut Self) -> Result<T, Fault>,
    {
        self.tx.conn().execute("savepoint part").await?;
        let earlier = std::mem::take(&mut self.pending);
        let outcome = run(self).await.and_then(|done| self.pending.refusal().map_or(Ok(done), Err));
        let later = std::mem::replace(&mut self.pending, earlier);
        if outcome.is_ok() {
            self.pending.append(later);
        } else {
            self.tx.conn().execute("rollback to savepoint part").await?;
        }
        self.tx.conn().execute("release savepoint part").await?;
        outcome
    }

    /// Rolls back and releases the locks before it returns; dropping the transaction does so a moment later.
    pub async fn rollback(self) -> Result<(), Fault> {
        Ok(self.tx.rollback().await?)
    }

    /// Commits with the collected events and timers, then runs the hooks.
    pub async fn commit(mut self) -> Result<(), Fault> {
        self.write_pending().await?;
        self.tx.commit().await?;
        self.pending.committed(&self.wake, &self.cause.context);
        Ok(())
    }
}

impl Writer for TenantTx {
    fn cause(&self) -> &Cause {
        &self.cause
    }

    fn pending(&mut self) -> &mut Pending {
        &mut self.pending
    }
}

/// A connection that reads one tenant's rows.
pub struct TenantRead(pub(crate) Read);

pub(crate) enum Read {
    Session(PooledConn),
    Transaction(Box<TenantTx>),
}

impl Deref for TenantTx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.tx.conn_ref()
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.tx.conn()
    }
}

impl Deref for TenantRead {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match &self.0 {
            Read::Session(connection) => connection,
            Read::Transaction(tx) => tx,
        }
    }
}

impl DerefMut for TenantRead {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.0 {
            Read::Session(connection) => connection,
            Read::Transaction(tx) => tx,
        }
    }
}
