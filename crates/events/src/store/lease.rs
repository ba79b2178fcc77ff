//! Who relays which shard.

use bloom_fault::Fault;
use sqlx::PgConnection;

use crate::shard::{Positions, SHARDS, index};

/// A shard granted to this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) shard: i16,
    /// Raised at each change of owner; a stamp under an old one has no effect.
    pub(crate) epoch: i64,
    /// Last stamped position.
    pub(crate) position: i64,
}

/// Takes every free or lapsed shard and renews those held already.
pub(crate) async fn lease_claim(conn: &mut PgConnection, owner: &str, seconds: f64) -> Result<Vec<Grant>, Fault> {
    Ok(sqlx::query_as!(
        Grant,
        "update relay_lease lease
         set owner = $1,
             expires_at = clock_timestamp() + make_interval(secs => $2),
             epoch = case when lease.owner = $1 and lease.expires_at >= clock_timestamp() then lease.epoch else lease.epoch + 1 end
         from (
             select shard from relay_lease where owner = $1 or expires_at < clock_timestamp()
             order by shard for update skip locked
         ) free
         where lease.shard = free.shard
         returning lease.shard, lease.epoch, lease.position",
        owner,
        seconds,
    )
    .fetch_all(conn)
    .await?)
}

/// Gives back what this process holds, so that another goes on at once.
pub(crate) async fn lease_release(conn: &mut PgConnection, owner: &str) -> Result<(), Fault> {
    sqlx::query!("update relay_lease set expires_at = '-infinity' where owner = $1", owner).execute(conn).await?;
    Ok(())
}

/// The last stamped position of every shard, whoever stamped it.
pub(crate) async fn lease_positions(conn: &mut PgConnection) -> Result<Positions, Fault> {
    let rows = sqlx::query!("select shard, position from relay_lease").fetch_all(conn).await?;
    let mut positions = [0; SHARDS];
    for row in rows {
        positions[index(row.shard)] = row.position;
    }
    Ok(positions)
}
