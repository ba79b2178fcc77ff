//! Connections with their secrets opened, remembered for half a minute: a payment needs one before it can be authorised.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bloom_db::seal;
use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, SubjectId, TenantId};
use bloom_runtime::ServiceContext;
use moka::future::Cache;
use sqlx::PgConnection;

use crate::domain::ProviderKind;
use crate::error::connection_missing;
use crate::store::connection::{ConnectionRow, connection_choose, connection_get};

/// Column under which the provider's key is sealed.
pub(crate) const CREDENTIALS: &str = "connection.credentials";
/// Column under which the webhook secret is sealed.
pub(crate) const WEBHOOK_SECRET: &str = "connection.webhook_secret";
/// A connection changed elsewhere is noticed after this.
const REMEMBERED: Duration = Duration::from_secs(30);
const REMEMBERED_MAX: u64 = 10_000;

/// A connection ready for use.
#[derive(Clone)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Its provider.
    pub provider: ProviderKind,
    credentials: String,
    webhook_secret: Vec<u8>,
}

impl Connection {
    /// The key that the provider knows us by; empty for people.
    pub fn credentials(&self) -> &str {
        &self.credentials
    }

    /// The secret that the provider signs with; nothing when it sends no notices.
    pub fn webhook_secret(&self) -> Option<&[u8]> {
        Some(self.webhook_secret.as_slice()).filter(|secret| !secret.is_empty())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} {})", self.id, self.provider.as_str())
    }
}

/// Which connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The one that a payment was opened with, active or not.
    Of(ConnectionId),
    /// The tenant's default.
    Default,
    /// One of this provider.
    By(ProviderKind),
}

/// Opened connections. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    host: ServiceContext,
    cache: Cache<(TenantId, Choice), Arc<Connection>>,
}

impl Connections {
    /// An empty memory.
    pub fn new(host: ServiceContext) -> Self {
        Self { host, cache: Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED).build() }
    }

    /// The wanted connection, if it is remembered.
    pub async fn known(&self, tenant: TenantId, choice: Choice) -> Option<Arc<Connection>> {
        self.cache.get(&(tenant, choice)).await
    }

    /// The wanted connection, through a database connection of the same tenant when it is not remembered.
    pub async fn get(&self, conn: &mut PgConnection, tenant: TenantId, choice: Choice) -> Result<Arc<Connection>, Fault> {
        if let Some(known) = self.known(tenant, choice).await {
            return Ok(known);
        }
        let row = match choice {
            Choice::Of(id) => connection_get(conn, id).await?,
            Choice::Default => connection_choose(conn, None).await?,
            Choice::By(provider) => connection_choose(conn, Some(provider)).await?,
        };
        let opened = Arc::new(self.open(conn, tenant, row.ok_or_else(connection_missing)?).await?);
        self.cache.insert((tenant, choice), opened.clone()).await;
        Ok(opened)
    }

    /// Forgets all: a connection has changed.
    pub fn forget(&self) {
        self.cache.invalidate_all();
    }

    async fn open(&self, conn: &mut PgConnection, tenant: TenantId, row: ConnectionRow) -> Result<Connection, Fault> {
        let subject = subject(row.id);
        let sealed: Vec<_> = [(CREDENTIALS, &row.credentials), (WEBHOOK_SECRET, &row.webhook_secret)]
            .into_iter()
            .filter_map(|(column, sealed)| Some((subject, column, sealed.as_deref()?)))
            .collect();
        let mut opened = if sealed.is_empty() { Vec::new() } else { seal::open_many(conn, &self.host, tenant, &sealed).await? };
        let webhook_secret = opened.pop().flatten().unwrap_or_default();
        let credentials = String::from_utf8(opened.pop().flatten().unwrap_or_default()).map_err(Fault::internal)?;
        Ok(Connection { id: row.id, provider: row.provider, credentials, webhook_secret })
    }
}

/// Secrets are sealed under a key of their connection's own.
pub(crate) fn subject(connection: ConnectionId) -> SubjectId {
    SubjectId::from_uuid(connection.uuid())
}
