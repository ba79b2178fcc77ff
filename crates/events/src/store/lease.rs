//! Leases: which process relays which shard.

use bloom_fault::Fault;
use sqlx::PgConnection;

use crate::shard::{Positions, SHARDS, index};

/// A shard leased to this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) shard: i16,
    /// Incremented at each change of owner; a stamp under an old epoch has no effect.
    pub(crate) epoch: i64,
    /// Last stamped position.
    pub(crate) position: i64,
}

/// Registers this process as alive for some time and returns its share of the shards. The shares of all live processes
/// add up to all shards and differ by at most one.
pub(crate) async fn owner_share(conn: &mut PgConnection, owner: &str, seconds: f64) -> Result<usize, Fault> {
    let row = sqlx::query!(
        r#"with here as (
               insert into relay_owner (owner, live_until) values ($1, clock_timestamp() + make_interval(secs => $2))
               on conflict (owner) do update set live_until = excluded.live_until
           ), gone as (
               delete from relay_owner where owner in (
                   select owner from relay_owner where owner <> $1 and live_until < clock_timestamp() for update skip locked
               )
           )
           select count(*) as "others!", count(*) filter (where owner < $1) as "before!"
           from relay_owner where owner <> $1 and live_until >= clock_timestamp()"#,
        owner,
        seconds,
    )
    .fetch_one(conn)
    .await?;
    let owners = usize::try_from(row.others).unwrap_or_default() + 1;
    let before = usize::try_from(row.before).unwrap_or_default();
    Ok(SHARDS / owners + usize::from(before < SHARDS % owners))
}

/// Renews this process's leases, releases shards above its share, and acquires free or expired ones up to it. A
/// released shard has no owner until another process acquires it under the next epoch.
pub(crate) async fn lease_claim(conn: &mut PgConnection, owner: &str, seconds: f64, share: usize) -> Result<Vec<Grant>, Fault> {
    Ok(sqlx::query_as!(
        Grant,
        "with found as (
             select shard, owner = $1 and expires_at >= clock_timestamp() as held
             from relay_lease where owner = $1 or expires_at < clock_timestamp()
             order by shard for update skip locked
         ), placed as (
             select shard, held, row_number() over (order by held desc, shard) <= $3 as kept from found
         ), changed as (
             update relay_lease lease
             set owner = $1,
                 expires_at = case when kept then clock_timestamp() + make_interval(secs => $2) else '-infinity' end,
                 epoch = case when held then lease.epoch else lease.epoch + 1 end
             from placed
             where lease.shard = placed.shard and (held or kept)
             returning lease.shard, lease.epoch, lease.position, kept
         )
         select shard, epoch, position from changed where kept",
        owner,
        seconds,
        i64::try_from(share).unwrap_or(i64::MAX),
    )
    .fetch_all(conn)
    .await?)
}

/// Releases all leases of this process, so that another can continue at once.
pub(crate) async fn lease_release(conn: &mut PgConnection, owner: &str) -> Result<(), Fault> {
    let released = sqlx::query!(
        "with gone as (delete from relay_owner where owner = $1)
         update relay_lease set expires_at = '-infinity' where owner = $1",
        owner,
    );
    released.execute(conn).await?;
    Ok(())
}

/// The last stamped position of every shard, whichever process stamped it.
pub(crate) async fn lease_positions(conn: &mut PgConnection) -> Result<Positions, Fault> {
    let rows = sqlx::query!("select shard, position from relay_lease").fetch_all(conn).await?;
    let mut positions = [0; SHARDS];
    for row in rows {
        positions[index(row.shard)] = row.position;
    }
    Ok(positions)
}
