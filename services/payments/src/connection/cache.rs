//! Connections with their secrets opened, cached for half a minute: every operation needs one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, TenantId};
use bloom_runtime::ServiceContext;
use moka::future::Cache;
use sqlx::PgConnection;

use super::model::{connection_missing, webhook_url};
use super::secrets::{Secrets, open_secrets};
use super::store::{connection_choose, connection_get};
use crate::provider::{ProviderAccount, ProviderKind};

/// A change in another replica is seen after this.
const TIME_TO_LIVE: Duration = Duration::from_secs(30);
const CAPACITY: u64 = 10_000;

/// A connection with its secrets opened.
#[derive(Clone)]
pub(crate) struct OpenConnection {
    pub id: ConnectionId,
    pub provider: ProviderKind,
    /// False when the provider sends notices to an address that this installation had before.
    pub address_is_current: bool,
    secrets: Secrets,
}

impl OpenConnection {
    /// The merchant's account at the provider.
    pub(crate) fn account(&self) -> ProviderAccount<'_> {
        ProviderAccount { connection: self.id, provider: self.provider, credentials: &self.secrets.credentials }
    }

    /// The secret that the provider signs with; none when it sends no notices.
    pub(crate) fn webhook_secret(&self) -> Option<&[u8]> {
        Some(self.secrets.webhook_secret.as_slice()).filter(|secret| !secret.is_empty())
    }
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenConnection({} {})", self.id, self.provider.as_str())
    }
}

/// Which connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ConnectionSelector {
    /// This one, active or not.
    Id(ConnectionId),
    /// The tenant's default.
    Default,
    /// One of this provider.
    Provider(ProviderKind),
}

/// The cache. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectionCache {
    context: ServiceContext,
    notices_url: Arc<str>,
    cache: Cache<(TenantId, ConnectionSelector), Arc<OpenConnection>>,
}

impl ConnectionCache {
    /// An empty cache of an installation that receives notices at this address.
    pub(crate) fn new(context: ServiceContext, notices_url: Arc<str>) -> Self {
        Self { context, notices_url, cache: Cache::builder().max_capacity(CAPACITY).time_to_live(TIME_TO_LIVE).build() }
    }

    /// The connection, if it is cached.
    pub(crate) async fn get_cached(&self, tenant: TenantId, selector: ConnectionSelector) -> Option<Arc<OpenConnection>> {
        self.cache.get(&(tenant, selector)).await
    }

    /// The connection; read through a database connection of the same tenant when it is not cached.
    pub(crate) async fn get(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        selector: ConnectionSelector,
    ) -> Result<Arc<OpenConnection>, Fault> {
        if let Some(cached) = self.get_cached(tenant, selector).await {
            return Ok(cached);
        }
        let row = match selector {
            ConnectionSelector::Id(id) => connection_get(conn, id).await?,
            ConnectionSelector::Default => connection_choose(conn, None).await?,
            ConnectionSelector::Provider(provider) => connection_choose(conn, Some(provider)).await?,
        };
        let row = row.ok_or_else(connection_missing)?;
        let secrets = open_secrets(&self.context, conn, tenant, &row).await?;
        let address_is_current = row.webhook_url.is_none_or(|url| url == webhook_url(&self.notices_url, row.id));
        let opened = Arc::new(OpenConnection { id: row.id, provider: row.provider, address_is_current, secrets });
        self.cache.insert((tenant, selector), opened.clone()).await;
        Ok(opened)
    }

    /// Empties the cache: a connection has changed.
    pub(crate) fn invalidate(&self) {
        self.cache.invalidate_all();
    }
}
