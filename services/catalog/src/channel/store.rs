//! SQL of channels.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{ChannelId, Country, Currency, LocationId, Metadata, Name, PriceBasis, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::Channel;
use crate::keyset::{After, uuids};
use crate::values::ObjectCode;

struct Row {
    tenant_id: TenantId,
    id: ChannelId,
    code: ObjectCode,
    name: Name,
    currency: Currency,
    price_basis: PriceBasis,
    country: Country,
    location_ids: Vec<Uuid>,
    is_default: bool,
    active: bool,
    metadata: Json<Metadata>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Channel {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            currency: row.currency,
            price_basis: row.price_basis,
            country: row.country,
            location_ids: row.location_ids.into_iter().map(LocationId::from_uuid).collect(),
            is_default: row.is_default,
            active: row.active,
            metadata: row.metadata.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Channels after a position, by tenant and creation.
pub(crate) async fn channel_list(conn: &mut PgConnection, after: After, limit: i64) -> sqlx::Result<Vec<(TenantId, Channel)>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ChannelId", code as "code: ObjectCode",
                  name as "name: Name", currency as "currency: Currency", price_basis as "price_basis: PriceBasis",
                  country as "country: Country", location_ids,
                  is_default, active, metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from channel where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        after.tenant.uuid(),
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.into())).collect())
}

/// One channel.
pub(crate) async fn channel_get(conn: &mut PgConnection, id: ChannelId) -> sqlx::Result<Option<Channel>> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ChannelId", code as "code: ObjectCode",
                  name as "name: Name", currency as "currency: Currency", price_basis as "price_basis: PriceBasis",
                  country as "country: Country", location_ids,
                  is_default, active, metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from channel where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Channel::from))
}

/// Those of these channels that exist.
pub(crate) async fn channel_find(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Channel>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ChannelId", code as "code: ObjectCode",
                  name as "name: Name", currency as "currency: Currency", price_basis as "price_basis: PriceBasis",
                  country as "country: Country", location_ids,
                  is_default, active, metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from channel where id = any($1)"#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Channel::from).collect())
}

/// One channel, locked for a change.
pub(crate) async fn channel_lock(conn: &mut PgConnection, id: ChannelId) -> sqlx::Result<Option<Channel>> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ChannelId", code as "code: ObjectCode",
                  name as "name: Name", currency as "currency: Currency", price_basis as "price_basis: PriceBasis",
                  country as "country: Country", location_ids,
                  is_default, active, metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from channel where id = $1 for no key update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Channel::from))
}

/// How many channels the tenant has.
pub(crate) async fn channel_count(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from channel"#).fetch_one(conn).await
}

/// Makes every channel but one no default channel; returns those that were.
pub(crate) async fn channel_unset_default(
    conn: &mut PgConnection,
    keep: ChannelId,
    now: Timestamp,
) -> sqlx::Result<Vec<Channel>> {
    let rows = sqlx::query_as!(
        Row,
        r#"update channel set is_default = false, version = version + 1, updated_at = $2
           where is_default and id <> $1
           returning tenant_id as "tenant_id: TenantId", id as "id: ChannelId", code as "code: ObjectCode",
                  name as "name: Name", currency as "currency: Currency", price_basis as "price_basis: PriceBasis",
                  country as "country: Country", location_ids,
                  is_default, active, metadata as "metadata: Json<Metadata>", version, created_at, updated_at"#,
        keep.uuid(),
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Channel::from).collect())
}

/// Writes a channel, new or changed.
pub(crate) async fn channel_write(tx: &mut TenantTx, channel: &Channel) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into channel (tenant_id, id, code, name, currency, price_basis, country, location_ids, is_default, active,
             metadata, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (tenant_id, id) do update set name = excluded.name, country = excluded.country,
             location_ids = excluded.location_ids, is_default = excluded.is_default, active = excluded.active,
             metadata = excluded.metadata, version = excluded.version, updated_at = excluded.updated_at",
        tx.tenant().uuid(),
        channel.id.uuid(),
        channel.code.as_str(),
        channel.name.as_str(),
        channel.currency.as_str(),
        channel.price_basis.as_str(),
        channel.country.as_str(),
        &uuids(&channel.location_ids),
        channel.is_default,
        channel.active,
        Json(&channel.metadata) as _,
        channel.version,
        channel.created_at,
        channel.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Channels of all tenants, for the export.
pub(crate) async fn channel_export(
    conn: &mut PgConnection,
    page: ExportPage<ChannelId>,
) -> sqlx::Result<Vec<(TenantId, Channel)>> {
    channel_list(conn, After::of_export(page), page.limit).await
}
