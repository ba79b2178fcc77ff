//! Which channel a request is about.

use std::sync::Arc;
use std::time::Duration;

use bloom_db::Db;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, TenantId};
use moka::future::Cache;

use crate::domain::channel::Channel;
use crate::store::After;
use crate::store::channel::channel_list;

/// Most channels of a tenant.
pub const CHANNELS_MAX: i64 = 100;
/// Longest time that a change made by another process may be missed.
const MEMORY: Duration = Duration::from_secs(3);
const TENANTS_MAX: u64 = 10_000;

/// The channels of tenants, remembered for a moment: every list and every cart asks.
#[derive(Clone)]
pub struct Channels {
    db: Db,
    memory: Cache<TenantId, Arc<[Channel]>>,
}

impl Channels {
    /// Nothing remembered yet.
    pub fn new(db: Db) -> Self {
        Self { db, memory: Cache::builder().max_capacity(TENANTS_MAX).time_to_live(MEMORY).build() }
    }

    /// The channel that a request names, or the tenant's default one.
    pub async fn resolve(&self, tenant: TenantId, wanted: Option<ChannelId>) -> Result<Channel, Fault> {
        if let Some(channels) = self.memory.get(&tenant).await
            && let Some(channel) = pick(&channels, wanted)
        {
            return Ok(channel.clone());
        }
        // Not remembered, or a channel that is newer than the memory.
        let channels = self.load(tenant).await?;
        let found = pick(&channels, wanted).cloned();
        self.memory.insert(tenant, channels).await;
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
    pub async fn default_id(&self, tenant: TenantId) -> Result<Option<ChannelId>, Fault> {
        match self.resolve(tenant, None).await {
            Ok(channel) => Ok(Some(channel.id)),
            Err(fault) if fault.reason == "no_default_channel" => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Forgets a tenant's channels after a change.
    pub async fn forget(&self, tenant: TenantId) {
        self.memory.invalidate(&tenant).await;
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
