//! What pricing and inventory have told. A lower version than the one heard is an old story; an equal one is heard again,
//! which is what repairs in a replay.

use bloom_kernel::{ChannelId, LocationId, TaxClassId, TenantId, VariantId};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::After;

/// Which of these price stories are news, now noted as heard.
pub async fn price_heard(
    conn: &mut PgConnection,
    tenant: TenantId,
    variants: &[Uuid],
    versions: &[i64],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "insert into variant_heard (tenant_id, variant_id, price_version, stock_version)
         select $1, variant_id, version, 0 from unnest($2::uuid[], $3::int8[]) as n(variant_id, version) order by variant_id
         on conflict (tenant_id, variant_id) do update set price_version = excluded.price_version
         where variant_heard.price_version <= excluded.price_version
         returning variant_id",
        tenant.uuid(),
        variants,
        versions,
    )
    .fetch_all(conn)
    .await
}

/// Which of these stock stories are news, now noted as heard.
pub async fn stock_heard(
    conn: &mut PgConnection,
    tenant: TenantId,
    variants: &[Uuid],
    versions: &[i64],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "insert into variant_heard (tenant_id, variant_id, price_version, stock_version)
         select $1, variant_id, 0, version from unnest($2::uuid[], $3::int8[]) as n(variant_id, version) order by variant_id
         on conflict (tenant_id, variant_id) do update set stock_version = excluded.stock_version
         where variant_heard.stock_version <= excluded.stock_version
         returning variant_id",
        tenant.uuid(),
        variants,
        versions,
    )
    .fetch_all(conn)
    .await
}

/// Prices as columns: one entry a variant and channel.
#[derive(Debug, Default)]
pub struct Prices {
    /// Whose price.
    pub variants: Vec<Uuid>,
    /// In which channel.
    pub channels: Vec<Uuid>,
    /// Minor units.
    pub amounts: Vec<i64>,
    /// ISO 4217.
    pub currencies: Vec<String>,
}

/// Replaces all prices of these variants.
pub async fn price_replace(conn: &mut PgConnection, tenant: TenantId, variants: &[Uuid], prices: &Prices) -> sqlx::Result<()> {
    sqlx::query!(
        "with told as (
             select * from unnest($3::uuid[], $4::uuid[], $5::int8[], $6::text[]) as t(variant_id, channel_id, amount, currency)
         ), gone as (
             delete from variant_price p where p.variant_id = any($2) and not exists (
                 select from told t where t.variant_id = p.variant_id and t.channel_id = p.channel_id))
         insert into variant_price (tenant_id, variant_id, channel_id, price_amount, currency)
         select $1, variant_id, channel_id, amount, currency from told
         on conflict (tenant_id, variant_id, channel_id) do update
             set price_amount = excluded.price_amount, currency = excluded.currency",
        tenant.uuid(),
        variants,
        &prices.variants,
        &prices.channels,
        &prices.amounts,
        &prices.currencies,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Stock as columns: one entry a variant and location.
#[derive(Debug, Default)]
pub struct Stock {
    /// Of what.
    pub variants: Vec<Uuid>,
    /// Where.
    pub locations: Vec<Uuid>,
    /// How much can be sold.
    pub available: Vec<i64>,
}

/// Replaces all stock of these variants.
pub async fn stock_replace(conn: &mut PgConnection, tenant: TenantId, variants: &[Uuid], stock: &Stock) -> sqlx::Result<()> {
    sqlx::query!(
        "with told as (
             select * from unnest($3::uuid[], $4::uuid[], $5::int8[]) as t(variant_id, location_id, available)
         ), gone as (
             delete from variant_stock s where s.variant_id = any($2) and not exists (
                 select from told t where t.variant_id = s.variant_id and t.location_id = s.location_id))
         insert into variant_stock (tenant_id, variant_id, location_id, available)
         select $1, variant_id, location_id, available from told
         on conflict (tenant_id, variant_id, location_id) do update set available = excluded.available
         where variant_stock.available <> excluded.available",
        tenant.uuid(),
        variants,
        &stock.variants,
        &stock.locations,
        &stock.available,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A location as it was told.
#[derive(Clone, Debug)]
pub struct HeardLocation {
    /// Its id.
    pub id: LocationId,
    /// Its code.
    pub code: String,
    /// Its own priority.
    pub priority: i32,
    /// Whether it serves.
    pub active: bool,
    /// The version that this was told of; 0 when it was only mentioned with stock.
    pub version: i64,
}

/// Notes a location. True when something that listings show has changed.
pub async fn location_hear(conn: &mut PgConnection, tenant: TenantId, location: &HeardLocation) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "with before as (select code, priority, active from location where id = $2),
         written as (
             insert into location (tenant_id, id, code, priority, active, version) values ($1, $2, $3, $4, $5, $6)
             on conflict (tenant_id, id) do update set code = excluded.code, priority = excluded.priority,
                 active = excluded.active, version = excluded.version
             where location.version <= excluded.version
             returning code, priority, active)
         select from written w where not exists (
             select from before b where (b.code, b.priority, b.active) = (w.code, w.priority, w.active))",
        tenant.uuid(),
        location.id.uuid(),
        location.code,
        location.priority,
        location.active,
        location.version,
    )
    .fetch_optional(conn)
    .await?;
    Ok(done.is_some())
}

/// Notes locations that were mentioned with stock and not yet told of.
pub async fn location_mention(conn: &mut PgConnection, tenant: TenantId, locations: &[HeardLocation]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = locations.iter().map(|location| location.id.uuid()).collect();
    let codes: Vec<String> = locations.iter().map(|location| location.code.clone()).collect();
    let priorities: Vec<i32> = locations.iter().map(|location| location.priority).collect();
    sqlx::query!(
        "insert into location (tenant_id, id, code, priority, active, version)
         select $1, id, code, priority, true, 0
         from unnest($2::uuid[], $3::text[], $4::int4[]) as m(id, code, priority) order by id
         on conflict (tenant_id, id) do nothing",
        tenant.uuid(),
        &ids,
        &codes,
        &priorities,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Which of these locations are known.
pub async fn location_known(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<LocationId>> {
    sqlx::query_scalar!(r#"select id as "id: LocationId" from location where id = any($1)"#, ids).fetch_all(conn).await
}

/// Notes tax classes that pricing has told of.
pub async fn tax_class_hear(conn: &mut PgConnection, tenant: TenantId, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into tax_class (tenant_id, id) select $1, id from unnest($2::uuid[]) as n(id) order by id on conflict do nothing",
        tenant.uuid(),
        ids,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Which of these tax classes are known.
pub async fn tax_class_known(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<TaxClassId>> {
    sqlx::query_scalar!(r#"select id as "id: TaxClassId" from tax_class where id = any($1)"#, ids).fetch_all(conn).await
}

/// All that was heard of a variant: what a check compares with what pricing and inventory say now.
#[derive(Debug, Serialize)]
pub struct Heard {
    /// Of what.
    pub variant_id: VariantId,
    /// Version of the last price story.
    pub price_version: i64,
    /// Version of the last stock story.
    pub stock_version: i64,
    /// Its prices, one a channel.
    pub prices: Vec<HeardPrice>,
    /// Its stock, one row a location.
    pub stock: Vec<HeardStock>,
}

/// A price as it was told.
#[derive(Debug, Serialize)]
pub struct HeardPrice {
    /// In which channel.
    pub channel_id: ChannelId,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

/// Stock as it was told.
#[derive(Debug, Serialize)]
pub struct HeardStock {
    /// Where.
    pub location_id: LocationId,
    /// How much can be sold.
    pub available: i64,
}

/// What was heard of variants behind a place, by tenant and id.
pub async fn heard_list(conn: &mut PgConnection, after: After, limit: i64) -> sqlx::Result<Vec<(TenantId, Heard)>> {
    let rows = sqlx::query!(
        r#"select h.tenant_id as "tenant_id: TenantId", h.variant_id, h.price_version, h.stock_version,
               array(select p.channel_id from variant_price p
                     where p.tenant_id = h.tenant_id and p.variant_id = h.variant_id order by p.channel_id) as "channels!",
               array(select p.price_amount from variant_price p
                     where p.tenant_id = h.tenant_id and p.variant_id = h.variant_id order by p.channel_id) as "amounts!",
               array(select p.currency::text from variant_price p
                     where p.tenant_id = h.tenant_id and p.variant_id = h.variant_id order by p.channel_id) as "currencies!",
               array(select s.location_id from variant_stock s
                     where s.tenant_id = h.tenant_id and s.variant_id = h.variant_id order by s.location_id) as "locations!",
               array(select s.available from variant_stock s
                     where s.tenant_id = h.tenant_id and s.variant_id = h.variant_id order by s.location_id) as "available!"
           from variant_heard h
           where (h.tenant_id, h.variant_id) > ($1, $2)
           order by h.tenant_id, h.variant_id limit $3"#,
        after.tenant.uuid(),
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let heard = rows.into_iter().map(|row| {
        let prices = row.channels.into_iter().zip(row.amounts).zip(row.currencies);
        let stock = row.locations.into_iter().zip(row.available);
        let heard = Heard {
            variant_id: VariantId::from_uuid(row.variant_id),
            price_version: row.price_version,
            stock_version: row.stock_version,
            prices: prices
                .map(|((channel, amount), currency)| HeardPrice { channel_id: ChannelId::from_uuid(channel), amount, currency })
                .collect(),
            stock: stock
                .map(|(location, available)| HeardStock { location_id: LocationId::from_uuid(location), available })
                .collect(),
        };
        (row.tenant_id, heard)
    });
    Ok(heard.collect())
}
