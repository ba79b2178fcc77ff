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

/// Says that a process is there for some time, and how many shards are its share among all that are: the shares of all add
/// up to all shards and differ by one at most.
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

/// Renews the shards that this process holds, gives back what is more than its share, and takes free or lapsed ones up to
/// it. What is given back is nobody's until another takes it, under the next epoch.
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

/// Gives back what this process holds, so that another goes on at once.
pub(crate) async fn lease_release(conn: &mut PgConnection, owner: &str) -> Result<(), Fault> {
    let released = sqlx::query!(
        "with gone as (delete from relay_owner where owner = $1)
         update relay_lease set expires_at = '-infinity' where owner = $1",
        owner,
    );
    released.execute(conn).await?;
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
