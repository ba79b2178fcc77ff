//! Connections that wait for their next use. sqlx's own pool asks each one that comes back whether it still lives, which
//! costs every transaction and every read a round trip; here only one is asked that nobody has had for a while, and one with a
//! transaction left open is talked to before somebody else may have it.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use deadpool::{Runtime, managed};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::runtime::Handle;

/// A request waits no longer than this for a connection: then the database counts as gone (503).
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(900);
/// A connection is replaced after this long, so that the server's memory for it comes back.
const LIFETIME: Duration = Duration::from_mins(30);
/// A connection that nobody needed for this long is closed.
const IDLE: Duration = Duration::from_mins(10);
/// A connection that somebody had within this time is not asked whether it lives: no server is back so soon.
const FRESH: Duration = Duration::from_millis(100);
/// What is rolled back behind a caller's back takes this long at most; then the connection is given up.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection out of the pool; dropped, it is there for the next.
pub(super) type Line = Object<Lines>;

/// A connection in the middle of a statement. Dropped then, it is closed: the next to have it would get the answer to what
/// was cut off, or wait for it.
pub(super) struct Busy(Option<Line>);

impl Busy {
    pub(super) fn new(line: Line) -> Self {
        Self(Some(line))
    }

    /// The connection.
    ///
    /// # Panics
    ///
    /// After the end: only [`done`](Self::done) takes it.
    pub(super) fn line(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("the statement goes on")
    }

    /// The statement has ended, and well enough: the connection is there for the next.
    pub(super) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        drop(self.0.take().map(Line::take));
    }
}

/// How connections are made.
pub(super) struct Lines(PgConnectOptions);

impl Manager for Lines {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        // Boxed: to connect is rare, and its state would make every caller's larger.
        Box::pin(PgConnection::connect_with(&self.0)).await
    }

    async fn recycle(&self, line: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if is_spent(metrics) {
            return Err(RecycleError::message("old"));
        }
        if FRESH < metrics.last_used() {
            line.ping().await?;
        }
        Ok(())
    }
}

fn is_spent(metrics: &Metrics) -> bool {
    LIFETIME < metrics.age() || IDLE < metrics.last_used()
}

/// A pool of connections of one role.
#[derive(Clone)]
pub(super) struct Pool(managed::Pool<Lines>);

impl Pool {
    /// Connects when first used.
    pub(super) fn new(connections: u32, options: &PgConnectOptions) -> Self {
        let pool = managed::Pool::builder(Lines(options.clone()))
            .max_size(connections as usize)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(ACQUIRE_TIMEOUT))
            .create_timeout(Some(ACQUIRE_TIMEOUT))
            .recycle_timeout(Some(ACQUIRE_TIMEOUT))
            // The one used last: its plans and its part of the cache are the warmest, and the others may go.
            .queue_mode(QueueMode::Lifo)
            .build();
        Self(pool.expect("time-outs have their runtime"))
    }

    /// Most connections that there may be.
    pub(super) fn most(&self) -> usize {
        self.0.status().max_size
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.0.manager().0
    }

    pub(super) async fn line(&self) -> Result<Line, sqlx::Error> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => sqlx::Error::PoolClosed,
            _ => sqlx::Error::PoolTimedOut,
        })
    }

    /// One connection broke: those that nobody uses right now are as old and are not tried one by one.
    pub(super) fn doubt(&self) {
        self.0.retain(|_, _| false);
    }

    /// A connection in a transaction that this statement has begun.
    pub(super) async fn begin(&self, statement: &str) -> Result<Tx, sqlx::Error> {
        // After a restart of the database every pooled connection is broken once.
        for _ in 0..self.most() {
            let mut tx = Tx(Some(self.line().await?));
            match tx.line().execute(AssertSqlSafe(statement.to_owned())).await {
                Ok(_) => return Ok(tx),
                Err(error) if is_broken(&error) => drop(tx.0.take().map(Object::take)),
                Err(error) => return Err(error),
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    }

    /// A connection that was told something for its session first. Were the caller gone in the middle of that, the next one
    /// to have the connection tells it anew.
    pub(super) async fn told(&self, statement: &str) -> Result<Line, sqlx::Error> {
        for _ in 0..self.most() {
            let mut line = self.line().await?;
            match line.execute(AssertSqlSafe(statement.to_owned())).await {
                Ok(_) => return Ok(line),
                Err(error) if is_broken(&error) => drop(Line::take(line)),
                Err(error) => return Err(error),
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    }

    /// Closes what nobody has needed for long.
    pub(super) async fn tidy(&self) {
        let spent = self.0.retain(|_, metrics| !is_spent(&metrics)).removed;
        futures::future::join_all(spent.into_iter().map(PgConnection::close)).await;
    }

    pub(super) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        futures::future::join_all(idle.into_iter().map(PgConnection::close)).await;
    }
}

/// A transaction on a connection of its own; none once it has ended well. sqlx does not know of it: nobody may begin another
/// on the same connection.
pub(super) struct Tx(Option<Line>);

impl Tx {
    /// The connection.
    ///
    /// # Panics
    ///
    /// After the end: only those who take the transaction itself end it.
    pub(super) fn line(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("the transaction goes on")
    }

    pub(super) fn line_ref(&self) -> &PgConnection {
        self.0.as_ref().expect("the transaction goes on")
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.line().execute("commit").await?;
        self.0 = None;
        Ok(())
    }

    pub(super) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.line().execute("rollback").await?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Tx {
    /// Whatever was left open (refused, failed, cut off in the middle of a statement) is rolled back before the connection
    /// is anybody else's.
    fn drop(&mut self) {
        let Some(mut line) = self.0.take() else { return };
        let Ok(runtime) = Handle::try_current() else {
            drop(Object::take(line));
            return;
        };
        runtime.spawn(async move {
            let settled = tokio::time::timeout(ROLLBACK_TIMEOUT, line.execute("rollback")).await;
            if !matches!(settled, Ok(Ok(_))) {
                // The server rolls back what it hears no more of.
                drop(Object::take(line));
            }
        });
    }
}

/// True when the connection is gone.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // 57P01 admin_shutdown, 57P02 crash_shutdown, 08006 connection_failure: said on a connection that is gone.
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02" | "08006")),
        _ => false,
    }
}
