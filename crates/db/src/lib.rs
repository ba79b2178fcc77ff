//! Database access. The crate exists so that no service can reach a row without its tenant, write without its events, or
//! run a retry twice.
//!
//! | type | what it is |
//! |---|---|
//! | [`TenantTx`] | a transaction of one tenant: writes, or several reads |
//! | [`TenantRead`] | one read of one tenant, without a transaction |
//! | [`SystemTx`], [`SystemConn`] | relay, timers, key look-up, provider webhooks, checks: sees every tenant |
//! | [`WriteOnce`], [`Db::read_once`] | single-statement transactions, for the measured hot paths |
//! | [`idempotency`] | one key, one effect, one reply |
//! | [`Constraints`] | maps violated constraints to refusals |
//! | [`Pending`] | events, timers and hooks that take effect with the commit |
//! | [`seal`] | encrypts personal columns with a key per data subject |
//! | [`migrate`], [`config`] | schema, roles, migrations |
//!
//! Every access for a tenant sets the tenant that row-level security compares with, every time, without relying on
//! earlier state; without a tenant the service role sees no row (ADR 2).

pub mod config;
mod constraint;
pub mod idempotency;
pub mod migrate;
mod pending;
mod pool;
pub mod seal;
mod system;
mod tenant;
mod write_once;

use std::sync::Arc;
use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_runtime::{RequestContext, ServiceContext};
use futures::future::BoxFuture;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;

pub use self::config::DbConfig;
pub use self::constraint::Constraints;
pub use self::idempotency::{Answer, Begin, Replayable, StoredReply};
pub use self::pending::{Cause, OutboxRow, Pending, Writer};
pub use self::system::{SystemConn, SystemTx};
pub use self::tenant::{TenantRead, TenantTx};
pub use self::write_once::WriteOnce;

use self::pool::{CheckedOut, Pool, PooledConn, is_broken};
use self::tenant::Read;

/// The database of one service. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    context: ServiceContext,
    constraints: Constraints,
    service: Pool,
    system: Pool,
    transaction_pooler: bool,
    wake: Arc<Wake>,
}

/// How often timers are polled without a notification: a timer due later than that needs none.
pub const TIMER_POLL: Duration = Duration::from_millis(250);

/// Notifications for background tasks of this service, sent by commits that wrote rows for them.
#[derive(Debug, Default)]
pub struct Wake {
    /// Events were written.
    pub outbox: Notify,
    /// Timers were set.
    pub timers: Notify,
}

impl Db {
    /// Creates pools that connect on first use.
    pub fn new(context: ServiceContext, config: &DbConfig) -> Self {
        Self {
            context,
            constraints: &[],
            service: Pool::new(config.connections, &config.service),
            system: Pool::new((config.connections / 4).max(3), &config.system),
            transaction_pooler: config.transaction_pooler,
            wake: Arc::default(),
        }
    }

    /// Sets the mapping from constraints to refusals.
    #[must_use]
    pub fn constraints(mut self, constraints: Constraints) -> Self {
        self.constraints = constraints;
        self
    }

    /// Notified by commits that wrote events or timers.
    pub fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// Begins a transaction for the tenant of the request; dropping it without a commit rolls it back.
    pub async fn write(&self, request: &RequestContext) -> Result<TenantTx, Fault> {
        self.tenant_tx(Cause::of(&self.context, request)).await
    }

    /// Runs `run` in a transaction that is committed when it succeeds. A violated constraint becomes the service's
    /// refusal.
    pub async fn transaction<T, F>(&self, request: &RequestContext, run: F) -> Result<T, Fault>
    where
        F: AsyncFnOnce(&mut TenantTx) -> Result<T, Fault>,
    {
        let mut tx = self.write(request).await?;
        match run(&mut tx).await {
            Ok(done) => {
                tx.commit().await.map_err(|fault| self.explain(fault))?;
                Ok(done)
            }
            Err(fault) => Err(self.explain(fault)),
        }
    }

    async fn tenant_tx(&self, cause: Cause) -> Result<TenantTx, Fault> {
        // One round trip without planning; the id is hexadecimal, so SQL injection is impossible.
        let begin = format!("begin; set local bloom.tenant = '{}'", cause.tenant.uuid());
        let tx = self.service.begin(&begin).await?;
        Ok(TenantTx::new(tx, cause, self.wake.clone()))
    }

    /// A connection for reads of one tenant.
    pub async fn read(&self, tenant: TenantId) -> Result<TenantRead, Fault> {
        if self.transaction_pooler {
            let cause = Cause::background(&self.context, tenant);
            return Ok(TenantRead(Read::Transaction(Box::new(self.tenant_tx(cause).await?))));
        }
        let set = format!("set bloom.tenant = '{}'", tenant.uuid());
        Ok(TenantRead(Read::Session(self.service.with_session(&set).await?)))
    }

    /// Runs a single-statement read that sets its tenant itself: one round trip where [`read`](Self::read) takes two.
    /// The statement must filter by tenant (`tenant_id = …`), because the connection's tenant is not known, and select
    /// its rows in a `lateral (… offset 0)`, which is not evaluated before the tenant is set; a test checks both and
    /// lists the callers. The statement is retried when the connection turns out to be broken.
    pub async fn read_once<T, R>(&self, read: R) -> Result<T, Fault>
    where
        R: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    {
        // After a restart of the database every pooled connection fails once.
        for _ in 0..self.service.capacity() {
            let mut checked_out = CheckedOut::new(self.service.get().await?);
            let answer = read(checked_out.conn()).await;
            match answer {
                Err(error) if is_broken(&error) => {}
                answer => {
                    checked_out.done();
                    return Ok(answer?);
                }
            }
        }
        Err(sqlx::Error::PoolTimedOut.into())
    }

    /// True when the database answers. Also closes connections that were idle for too long.
    pub async fn ready(&self) -> bool {
        self.service.close_expired().await;
        self.system.close_expired().await;
        let Ok(mut conn) = self.service.get().await else { return false };
        let answers = conn.ping().await.is_ok();
        if !answers {
            drop(PooledConn::take(conn));
        }
        answers
    }

    /// Closes both pools.
    pub async fn close(&self) {
        self.service.close().await;
        self.system.close().await;
    }
}
