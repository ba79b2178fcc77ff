//! The published price of a variant by channel. The row is also the lock of everything that changes a variant's prices.

use bloom_db::{SystemTx, TenantTx};
use bloom_kernel::{TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::listing::ChannelPrice;

/// What was last published of a variant; version 0: nothing yet.
#[derive(Debug, Clone)]
pub struct Published {
    /// The variant.
    pub variant_id: VariantId,
    /// Its prices by channel.
    pub prices: Json<Vec<ChannelPrice>>,
    /// The version of its last event.
    pub version: i64,
}

/// Locks the rows of variants, made where they are missing, in the order of their variants, until the transaction ends.
/// Who changes a price takes this lock first: of two that change prices of one variant the second sees what the first
/// left.
pub async fn variant_prices_claim(
    tx: &mut TenantTx,
    variants: &[VariantId],
    now: Timestamp,
) -> Result<Vec<Published>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = variants.iter().map(|variant| variant.uuid()).collect();
    sqlx::query_as!(
        Published,
        r#"insert into variant_price (tenant_id, variant_id, prices, version, updated_at)
           select $1, id, '[]', 0, $3 from (select distinct unnest($2::uuid[]) as id) given order by id
           on conflict (tenant_id, variant_id) do update set version = variant_price.version
           returning variant_id as "variant_id: VariantId", prices as "prices: Json<Vec<ChannelPrice>>", version"#,
        tenant,
        &ids,
        now,
    )
    .fetch_all(&mut **tx)
    .await
}

/// The same for rows that are there.
pub async fn variant_prices_lock(tx: &mut TenantTx, variants: &[VariantId]) -> Result<Vec<Published>, sqlx::Error> {
    let ids: Vec<Uuid> = variants.iter().map(|variant| variant.uuid()).collect();
    sqlx::query_as!(
        Published,
        r#"select variant_id as "variant_id: VariantId", prices as "prices: Json<Vec<ChannelPrice>>", version
           from variant_price where variant_id = any($1) order by variant_id for update"#,
        &ids,
    )
    .fetch_all(&mut **tx)
    .await
}

/// Writes what is about to be published.
pub async fn variant_prices_update(tx: &mut TenantTx, changed: &[Published], now: Timestamp) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = changed.iter().map(|row| row.variant_id.uuid()).collect();
    let prices: Vec<Json<&[ChannelPrice]>> = changed.iter().map(|row| Json(row.prices.0.as_slice())).collect();
    let versions: Vec<i64> = changed.iter().map(|row| row.version).collect();
    sqlx::query!(
        "update variant_price set prices = new.prices, version = new.version, updated_at = $4
         from unnest($1::uuid[], $2::jsonb[], $3::int8[]) new(id, prices, version)
         where variant_id = new.id",
        &ids,
        &prices as &[Json<&[ChannelPrice]>],
        &versions,
        now,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The next rows, by variant, of variants that ever had a price.
pub async fn variant_prices_after(
    conn: &mut PgConnection,
    after: Option<VariantId>,
    limit: i64,
) -> Result<Vec<Published>, sqlx::Error> {
    sqlx::query_as!(
        Published,
        r#"select variant_id as "variant_id: VariantId", prices as "prices: Json<Vec<ChannelPrice>>", version
           from variant_price where $1::uuid is null or variant_id > $1 order by variant_id limit $2"#,
        after.map(VariantId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The next tenant that has anything here.
pub async fn tenant_after(tx: &mut SystemTx, after: Option<TenantId>) -> Result<Option<TenantId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select tenant_id as "id!: TenantId" from (
             (select tenant_id from settings where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from price_list where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from tax_class where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from tax_zone where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from variant_price where tenant_id > $1 order by tenant_id limit 1)
           ) found order by tenant_id limit 1"#,
        after.map_or(Uuid::nil(), TenantId::uuid),
    )
    .fetch_optional(&mut **tx)
    .await
}
