//! The platform's own connections, which see every tenant. A tidy test lists their callers.

use std::ops::{Deref, DerefMut};

use bloom_fault::Fault;
use sqlx::{Connection as _, PgConnection};

use crate::Db;
use crate::pool::{ACQUIRE_TIMEOUT, Tx};

impl Db {
    /// A transaction that sees every tenant: relay, timers, key look-up, provider webhooks, checks.
    pub async fn system(&self) -> Result<SystemTx, Fault> {
        Ok(SystemTx(self.system.begin("begin").await?))
    }

    /// A connection outside of the pool for a loop that runs one statement at a time, each its own transaction. A poll
    /// then costs one round trip where the pool and a transaction would take four.
    pub async fn system_conn(&self) -> Result<SystemConn, Fault> {
        // These few statements have indexes. A plan made while a table was empty would scan it sequentially, and a
        // bitmap scan never marks dead index entries: each poll would visit every event of the day.
        let options = self.system.options().clone().options([("enable_seqscan", "off"), ("enable_bitmapscan", "off")]);
        match tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await {
            Ok(connection) => Ok(SystemConn(connection?)),
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }
}

/// A transaction that sees every tenant.
pub struct SystemTx(Tx);

impl SystemTx {
    /// Commits the transaction.
    pub async fn commit(self) -> Result<(), Fault> {
        Ok(self.0.commit().await?)
    }
}

/// A connection outside of the pool that sees every tenant. After an error, drop it and open another.
pub struct SystemConn(PgConnection);

impl Deref for SystemTx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.0.conn_ref()
    }
}

impl DerefMut for SystemTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.conn()
    }
}

impl Deref for SystemConn {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for SystemConn {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
