//! The channels of tenants, cached briefly because every list and every cart needs them.

use std::sync::Arc;
use std::time::Duration;

use bloom_db::Db;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, TenantId};
use moka::sync::Cache;

use super::model::{CHANNELS_MAX, Channel};
use super::store::channel_list;
use crate::keyset::After;

/// Longest time that a change made by another process stays unseen.
const TTL: Duration = Duration::from_secs(3);
const TENANTS_MAX: u64 = 10_000;

/// See the module.
#[derive(Clone)]
pub(crate) struct ChannelCache {
    db: Db,
    channels_of: Cache<TenantId, Arc<[Channel]>>,
}

impl ChannelCache {
    /// An empty cache.
    pub(crate) fn new(db: Db) -> Self {
        Self { db, channels_of: Cache::builder().max_capacity(TENANTS_MAX).time_to_live(TTL).build() }
    }

    /// The channel that a request names, or the tenant's default one.
    pub(crate) async fn resolve(&self, tenant: TenantId, wanted: Option<ChannelId>) -> Result<Channel, Fault> {
        if let Some(channels) = self.channels_of.get(&tenant)
            && let Some(channel) = pick(&channels, wanted)
        {
            return Ok(channel.clone());
        }
        // Not cached, or a channel that is newer than the entry.
        let channels = self.load(tenant).await?;
        let found = pick(&channels, wanted).cloned();
        self.channels_of.insert(tenant, channels);
        found.ok_or_else(|| match wanted {
            Some(_) => Fault::not_found("channel"),
            None => Fault::new(
                Code::Unprocessable,
                "no_default_channel",
                "This environment has no channel yet. Create one with POST /v1/catalog/channels.",
            ),
        })
    }

    /// The default channel of a tenant that has one.
    pub(crate) async fn default_id(&self, tenant: TenantId) -> Result<Option<ChannelId>, Fault> {
        match self.resolve(tenant, None).await {
            Ok(channel) => Ok(Some(channel.id)),
            Err(fault) if fault.reason == "no_default_channel" => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Drops a tenant's entry after a change.
    pub(crate) fn invalidate(&self, tenant: TenantId) {
        self.channels_of.invalidate(&tenant);
    }

    async fn load(&self, tenant: TenantId) -> Result<Arc<[Channel]>, Fault> {
        let mut conn = self.db.read(tenant).await?;
        let rows = channel_list(&mut conn, After::new(tenant, None::<ChannelId>), CHANNELS_MAX).await?;
        Ok(rows.into_iter().map(|(_, channel)| channel).collect())
    }
}

fn pick(channels: &[Channel], wanted: Option<ChannelId>) -> Option<&Channel> {
    channels.iter().find(|channel| match wanted {
        Some(id) => channel.id == id && channel.active,
        None => channel.is_default,
    })
}
