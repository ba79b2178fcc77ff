//! A connection pool that pings a connection only after it was idle for a while. sqlx's own pool pings on every return,
//! which costs each transaction and each read a round trip. A connection with an open transaction is rolled back before
//! reuse.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use deadpool::{Runtime, managed};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::runtime::Handle;

/// Maximum wait of a request for a connection; after that the database counts as unavailable (503).
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(900);
/// A connection is replaced after this time, to release the server's memory for it.
const LIFETIME: Duration = Duration::from_mins(30);
/// A connection that was idle for this long is closed.
const IDLE: Duration = Duration::from_mins(10);
/// A connection used within this time is not pinged: no server restarts so fast.
const FRESH: Duration = Duration::from_millis(100);
/// Time limit of a rollback in the background; after it the connection is closed.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// A pooled connection; dropping it returns it to the pool.
pub(crate) type PooledConn = Object<Connector>;

/// A connection that is running a statement. Dropping it closes it, because its next user would receive the rest of the
/// unfinished response.
pub(crate) struct CheckedOut(Option<PooledConn>);

impl CheckedOut {
    pub(crate) fn new(conn: PooledConn) -> Self {
        Self(Some(conn))
    }

    /// The connection.
    ///
    /// # Panics
    ///
    /// After [`done`](Self::done), which takes the connection.
    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("the statement is running")
    }

    /// The statement has ended: returns the connection to the pool.
    pub(crate) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for CheckedOut {
    fn drop(&mut self) {
        drop(self.0.take().map(PooledConn::take));
    }
}

/// Opens connections.
pub(crate) struct Connector(PgConnectOptions);

impl Manager for Connector {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        // Boxed: connecting is rare, and its future would enlarge every caller's.
        Box::pin(PgConnection::connect_with(&self.0)).await
    }

    async fn recycle(&self, conn: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if is_expired(metrics) {
            return Err(RecycleError::message("old"));
        }
        if FRESH < metrics.last_used() {
            conn.ping().await?;
        }
        Ok(())
    }
}

fn is_expired(metrics: &Metrics) -> bool {
    LIFETIME < metrics.age() || IDLE < metrics.last_used()
}

/// A pool of connections of one role.
#[derive(Clone)]
pub(crate) struct Pool(managed::Pool<Connector>);

impl Pool {
    /// Connects on first use.
    pub(crate) fn new(connections: u32, options: &PgConnectOptions) -> Self {
        let pool = managed::Pool::builder(Connector(options.clone()))
            .max_size(connections as usize)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(ACQUIRE_TIMEOUT))
            .create_timeout(Some(ACQUIRE_TIMEOUT))
            .recycle_timeout(Some(ACQUIRE_TIMEOUT))
            // Last in, first out: the most recently used connection has the warmest plan cache, and idle ones can
            // expire.
            .queue_mode(QueueMode::Lifo)
            .build();
        Self(pool.expect("time-outs have their runtime"))
    }

    /// Maximum number of connections.
    pub(crate) fn capacity(&self) -> usize {
        self.0.status().max_size
    }

    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.0.manager().0
    }

    pub(crate) async fn get(&self) -> Result<PooledConn, sqlx::Error> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => sqlx::Error::PoolClosed,
            _ => sqlx::Error::PoolTimedOut,
        })
    }

    /// Closes all idle connections: after one broke, the others are as old and need not be tried one by one.
    pub(crate) fn discard_idle(&self) {
        self.0.retain(|_, _| false);
    }

    /// A connection in a transaction begun by this statement.
    pub(crate) async fn begin(&self, statement: &str) -> Result<Tx, sqlx::Error> {
        // After a restart of the database every pooled connection fails once.
        for _ in 0..self.capacity() {
            let mut tx = Tx(Some(self.get().await?));
            match tx.conn().execute(AssertSqlSafe(statement.to_owned())).await {
                Ok(_) => return Ok(tx),
                Err(error) if is_broken(&error) => drop(tx.0.take().map(Object::take)),
                Err(error) => return Err(error),
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    }

    /// A connection after a statement that sets session state. Every user sets it again, so a cancelled caller leaves
    /// nothing behind.
    pub(crate) async fn with_session(&self, statement: &str) -> Result<PooledConn, sqlx::Error> {
        for _ in 0..self.capacity() {
            let mut conn = self.get().await?;
            match conn.execute(AssertSqlSafe(statement.to_owned())).await {
                Ok(_) => return Ok(conn),
                Err(error) if is_broken(&error) => drop(PooledConn::take(conn)),
                Err(error) => return Err(error),
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    }

    /// Closes connections that were idle for too long or are too old.
    pub(crate) async fn close_expired(&self) {
        let expired = self.0.retain(|_, metrics| !is_expired(&metrics)).removed;
        futures::future::join_all(expired.into_iter().map(PgConnection::close)).await;
    }

    pub(crate) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        futures::future::join_all(idle.into_iter().map(PgConnection::close)).await;
    }
}

/// A transaction on a connection of its own; `None` once it has ended. sqlx does not know about it, so `begin` must not
/// be called on the connection.
pub(crate) struct Tx(Option<PooledConn>);

impl Tx {
    /// The connection.
    ///
    /// # Panics
    ///
    /// After the end of the transaction, which only methods that consume it reach.
    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("the transaction is open")
    }

    pub(crate) fn conn_ref(&self) -> &PgConnection {
        self.0.as_ref().expect("the transaction is open")
    }

    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.conn().execute("commit").await?;
        self.0 = None;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.conn().execute("rollback").await?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Tx {
    /// Rolls back an open transaction before the connection returns to the pool.
    fn drop(&mut self) {
        let Some(mut conn) = self.0.take() else { return };
        let Ok(runtime) = Handle::try_current() else {
            drop(Object::take(conn));
            return;
        };
        runtime.spawn(async move {
            let settled = tokio::time::timeout(ROLLBACK_TIMEOUT, conn.execute("rollback")).await;
            if !matches!(settled, Ok(Ok(_))) {
                // The server rolls back when the connection closes.
                drop(Object::take(conn));
            }
        });
    }
}

/// True when the connection is unusable.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // 57P01 admin_shutdown, 57P02 crash_shutdown, 08006 connection_failure: reported on a connection that is
        // closing.
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02" | "08006")),
        _ => false,
    }
}
