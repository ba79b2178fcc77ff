//! The tables `revocation` and `revocation_head`.

use bloom_fault::Fault;
use bloom_kernel::{ApiKeyId, TenantId, Timestamp};
use sqlx::PgConnection;

/// Tells all gateways to forget a key. The head stays locked until the transaction ends, so call it late.
pub async fn revocation_announce(conn: &mut PgConnection, tenant: TenantId, key: ApiKeyId, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!(
        "with head as (update revocation_head set seq = seq + 1 returning seq)
         insert into revocation (tenant_id, seq, key_id, announced_at) select $1, seq, $2, $3 from head",
        tenant.uuid(),
        key.uuid(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One step of what a gateway polls.
pub struct Announced {
    /// The head, for when there are no more.
    pub head: i64,
    /// Number of the revocation.
    pub seq: Option<i64>,
    /// The key to forget.
    pub key_id: Option<ApiKeyId>,
}

/// The revocations after a number, and the head; never empty. A number beyond the head comes from before a restore of the
/// database: then all that are kept come again.
pub async fn revocation_list(conn: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<Announced>, Fault> {
    let announced = sqlx::query_as!(
        Announced,
        r#"select head.seq as "head!", revocation.seq as "seq?", revocation.key_id as "key_id?: ApiKeyId"
           from revocation_head head
           left join revocation on revocation.seq > case when $1 <= head.seq then $1 else 0 end
           order by revocation.seq limit $2"#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(announced)
}

/// Forgets what every gateway has long heard.
pub async fn revocation_purge(conn: &mut PgConnection, before: Timestamp) -> Result<u64, Fault> {
    let done = sqlx::query!("delete from revocation where announced_at < $1", before).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Revoked keys of late that were not announced.
pub async fn revocation_missing(conn: &mut PgConnection, since: Timestamp) -> Result<Vec<ApiKeyId>, Fault> {
    let keys = sqlx::query_scalar!(
        r#"select id as "id: ApiKeyId" from api_key
           where revoked_at >= $1 and not exists (select from revocation where key_id = api_key.id and announced_at >= revoked_at)
           order by id limit 100"#,
        since,
    )
    .fetch_all(conn)
    .await?;
    Ok(keys)
}
