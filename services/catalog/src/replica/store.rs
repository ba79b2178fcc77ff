//! SQL of the replica tables. A version lower than the recorded one is ignored; an equal one is applied again, which is how a
//! replay repairs a replica.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Aggregate, ChannelId, Code, LocationId, TaxClassId, TenantId, VariantId};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::keyset::After;

/// Records the versions of price events; returns the variants whose prices must be applied.
pub(crate) async fn price_version_record(tx: &mut TenantTx, variants: &[Uuid], versions: &[i64]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "insert into variant_replica (tenant_id, variant_id, price_version, stock_version)
         select $1, variant_id, version, 0 from unnest($2::uuid[], $3::int8[]) as n(variant_id, version) order by variant_id
         on conflict (tenant_id, variant_id) do update set price_version = excluded.price_version
         where variant_replica.price_version <= excluded.price_version
         returning variant_id",
        tx.tenant().uuid(),
        variants,
        versions,
    )
    .fetch_all(&mut **tx)
    .await
}

/// Records the versions of stock events; returns the variants whose stock must be applied.
pub(crate) async fn stock_version_record(tx: &mut TenantTx, variants: &[Uuid], versions: &[i64]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "insert into variant_replica (tenant_id, variant_id, price_version, stock_version)
         select $1, variant_id, 0, version from unnest($2::uuid[], $3::int8[]) as n(variant_id, version) order by variant_id
         on conflict (tenant_id, variant_id) do update set stock_version = excluded.stock_version
         where variant_replica.stock_version <= excluded.stock_version
         returning variant_id",
        tx.tenant().uuid(),
        variants,
        versions,
    )
    .fetch_all(&mut **tx)
    .await
}

/// Prices as columns: one entry for each variant and channel.
#[derive(Debug, Default)]
pub(crate) struct Prices {
    pub(crate) variants: Vec<Uuid>,
    pub(crate) channels: Vec<Uuid>,
    /// Minor units.
    pub(crate) amounts: Vec<i64>,
    /// ISO 4217.
    pub(crate) currencies: Vec<String>,
}

/// Replaces all prices of these variants.
pub(crate) async fn price_replace(tx: &mut TenantTx, variants: &[Uuid], prices: &Prices) -> sqlx::Result<()> {
    sqlx::query!(
        "with new as (
             select * from unnest($3::uuid[], $4::uuid[], $5::int8[], $6::text[]) as t(variant_id, channel_id, amount, currency)
         ), gone as (
             delete from variant_price p where p.variant_id = any($2) and not exists (
                 select from new n where n.variant_id = p.variant_id and n.channel_id = p.channel_id))
         insert into variant_price (tenant_id, variant_id, channel_id, price_amount, currency)
         select $1, variant_id, channel_id, amount, currency from new
         on conflict (tenant_id, variant_id, channel_id) do update
             set price_amount = excluded.price_amount, currency = excluded.currency",
        tx.tenant().uuid(),
        variants,
        &prices.variants,
        &prices.channels,
        &prices.amounts,
        &prices.currencies,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Stock as columns: one entry for each variant and location.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    pub(crate) variants: Vec<Uuid>,
    pub(crate) locations: Vec<Uuid>,
    /// Units that can be sold.
    pub(crate) available: Vec<i64>,
}

/// Replaces all stock of these variants.
pub(crate) async fn stock_replace(tx: &mut TenantTx, variants: &[Uuid], stock: &Stock) -> sqlx::Result<()> {
    sqlx::query!(
        "with new as (
             select * from unnest($3::uuid[], $4::uuid[], $5::int8[]) as t(variant_id, location_id, available)
         ), gone as (
             delete from variant_stock s where s.variant_id = any($2) and not exists (
                 select from new n where n.variant_id = s.variant_id and n.location_id = s.location_id))
         insert into variant_stock (tenant_id, variant_id, location_id, available)
         select $1, variant_id, location_id, available from new
         on conflict (tenant_id, variant_id, location_id) do update set available = excluded.available
         where variant_stock.available <> excluded.available",
        tx.tenant().uuid(),
        variants,
        &stock.variants,
        &stock.locations,
        &stock.available,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// A location of inventory.
#[derive(Clone, Debug)]
pub(crate) struct LocationReplica {
    pub(crate) id: LocationId,
    pub(crate) code: String,
    /// Lower numbers come first where a channel names no locations.
    pub(crate) priority: i32,
    pub(crate) active: bool,
    /// Version of the location event; 0 when only a stock event has named the location.
    pub(crate) version: i64,
}

/// Writes a location. True when something that listings show has changed.
pub(crate) async fn location_upsert(tx: &mut TenantTx, location: &LocationReplica) -> sqlx::Result<bool> {
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
        tx.tenant().uuid(),
        location.id.uuid(),
        location.code,
        location.priority,
        location.active,
        location.version,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(done.is_some())
}

/// Adds the locations of a stock event for which no location event has arrived yet.
pub(crate) async fn location_insert_missing(tx: &mut TenantTx, locations: &[LocationReplica]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = locations.iter().map(|location| location.id.uuid()).collect();
    let codes: Vec<String> = locations.iter().map(|location| location.code.clone()).collect();
    let priorities: Vec<i32> = locations.iter().map(|location| location.priority).collect();
    sqlx::query!(
        "insert into location (tenant_id, id, code, priority, active, version)
         select $1, id, code, priority, true, 0
         from unnest($2::uuid[], $3::text[], $4::int4[]) as m(id, code, priority) order by id
         on conflict (tenant_id, id) do nothing",
        tx.tenant().uuid(),
        &ids,
        &codes,
        &priorities,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Which of these locations are in the replica.
pub(crate) async fn location_find(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<LocationId>> {
    sqlx::query_scalar!(r#"select id as "id: LocationId" from location where id = any($1)"#, ids).fetch_all(conn).await
}

/// Which of these location codes are in the replica.
pub(crate) async fn location_codes_find(conn: &mut PgConnection, codes: &[String]) -> sqlx::Result<Vec<Code>> {
    sqlx::query_scalar!(r#"select code as "code: Code" from location where code = any($1)"#, codes).fetch_all(conn).await
}

/// Adds tax classes.
pub(crate) async fn tax_class_insert(tx: &mut TenantTx, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into tax_class (tenant_id, id) select $1, id from unnest($2::uuid[]) as n(id) order by id on conflict do nothing",
        tx.tenant().uuid(),
        ids,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Which of these tax classes are in the replica.
pub(crate) async fn tax_class_find(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<TaxClassId>> {
    sqlx::query_scalar!(r#"select id as "id: TaxClassId" from tax_class where id = any($1)"#, ids).fetch_all(conn).await
}

/// The replica of a variant's prices and stock, which `bloom check` compares with pricing and inventory.
#[derive(Debug, Serialize)]
pub(crate) struct VariantReplica {
    pub(crate) variant_id: VariantId,
    /// Version of the last price event.
    pub(crate) price_version: i64,
    /// Version of the last stock event.
    pub(crate) stock_version: i64,
    /// One price for each channel.
    pub(crate) prices: Vec<ReplicaPrice>,
    /// One row for each location.
    pub(crate) stock: Vec<ReplicaStock>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReplicaPrice {
    pub(crate) channel_id: ChannelId,
    /// Minor units.
    pub(crate) amount: i64,
    /// ISO 4217.
    pub(crate) currency: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReplicaStock {
    pub(crate) location_id: LocationId,
    /// Units that can be sold.
    pub(crate) available: i64,
}

/// Replicas of variants after a position, by tenant and id.
pub(crate) async fn variant_replica_list(
    conn: &mut PgConnection,
    after: After,
    limit: i64,
) -> sqlx::Result<Vec<(TenantId, VariantReplica)>> {
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
           from variant_replica h
           where (h.tenant_id, h.variant_id) > ($1, $2)
           order by h.tenant_id, h.variant_id limit $3"#,
        after.tenant.uuid(),
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let replicas = rows.into_iter().map(|row| {
        let prices = row.channels.into_iter().zip(row.amounts).zip(row.currencies);
        let stock = row.locations.into_iter().zip(row.available);
        let replica = VariantReplica {
            variant_id: VariantId::from_uuid(row.variant_id),
            price_version: row.price_version,
            stock_version: row.stock_version,
            prices: prices
                .map(|((channel, amount), currency)| ReplicaPrice { channel_id: ChannelId::from_uuid(channel), amount, currency })
                .collect(),
            stock: stock
                .map(|(location, available)| ReplicaStock { location_id: LocationId::from_uuid(location), available })
                .collect(),
        };
        (row.tenant_id, replica)
    });
    Ok(replicas.collect())
}

impl Aggregate for VariantReplica {
    const NOUN: &'static str = "variant_replica";
    type Id = VariantId;

    fn id(&self) -> VariantId {
        self.variant_id
    }

    fn version(&self) -> i64 {
        self.price_version.max(self.stock_version)
    }
}

/// Replicas of variants of all tenants, for the export.
pub(crate) async fn variant_replica_export(
    conn: &mut PgConnection,
    page: ExportPage<VariantId>,
) -> sqlx::Result<Vec<(TenantId, VariantReplica)>> {
    variant_replica_list(conn, After::of_export(page), page.limit).await
}
