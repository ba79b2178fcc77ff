//! SQL of the replica of channels.

use bloom_db::TenantTx;
use bloom_kernel::{ChannelId, Country, Currency};
use sqlx::PgConnection;

use super::model::Channel;

/// A channel as the replica stores it.
#[derive(Debug, Clone)]
pub struct ChannelRow {
    pub channel: Channel,
    /// Whether it is the tenant's default channel.
    pub is_default: bool,
    /// Its version in the catalog.
    pub version: i64,
}

/// Writes a channel unless a newer version is stored; `true` when it was written.
pub async fn channel_put(tx: &mut TenantTx, row: &ChannelRow) -> sqlx::Result<bool> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into channel (tenant_id, id, currency, gross, country, is_default, version)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, id) do update
           set currency = excluded.currency, gross = excluded.gross, country = excluded.country,
               is_default = excluded.is_default, version = excluded.version
           where channel.version <= excluded.version",
        tenant,
        row.channel.id.uuid(),
        row.channel.currency.as_str(),
        row.channel.gross,
        row.channel.country.as_str(),
        row.is_default,
        row.version,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All channels, by id.
pub async fn channel_list(conn: &mut PgConnection) -> sqlx::Result<Vec<Channel>> {
    sqlx::query_as!(
        Channel,
        r#"select id as "id: ChannelId", currency as "currency: Currency", gross, country as "country: Country"
           from channel order by id"#,
    )
    .fetch_all(conn)
    .await
}

/// The channel of an id, or without one the tenant's default channel.
pub async fn channel_get(conn: &mut PgConnection, id: Option<ChannelId>) -> sqlx::Result<Option<Channel>> {
    sqlx::query_as!(
        Channel,
        r#"select id as "id: ChannelId", currency as "currency: Currency", gross, country as "country: Country"
           from channel where id = $1 or ($1::uuid is null and is_default) order by version desc limit 1"#,
        id.map(ChannelId::uuid),
    )
    .fetch_optional(conn)
    .await
}

/// The stored version of a channel.
pub async fn channel_version(conn: &mut PgConnection, id: ChannelId) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("select version from channel where id = $1", id.uuid()).fetch_optional(conn).await
}
