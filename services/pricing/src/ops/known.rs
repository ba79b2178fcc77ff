//! A reference to a channel. The catalogue owns channels; pricing knows them by their events, which may be a moment behind
//! whoever has just made one.

use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{ChannelId, TenantId};
use bloom_runtime::Db;

use crate::error;
use crate::store::channel::channel_version;

/// How often, and how long apart, a channel is looked up before it counts as unknown: one second in all.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Refuses a channel that the tenant does not have.
pub async fn channel_known(db: &Db, tenant: TenantId, id: Option<ChannelId>) -> Result<(), Fault> {
    let Some(id) = id else { return Ok(()) };
    for look in 0..LOOKS {
        if 0 < look {
            tokio::time::sleep(PAUSE).await;
        }
        let mut conn = db.read(tenant).await?;
        if channel_version(&mut conn, id).await?.is_some() {
            return Ok(());
        }
    }
    Err(error::not_found("channel", "/channel_id"))
}
