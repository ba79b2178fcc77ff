//! SQL of published prices. The row of a variant is also the lock of everything that changes its prices.

use bloom_contract_pricing::events::ChannelPrice;
use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{TenantId, Timestamp, VariantId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::VariantPrice;

/// Locks the rows of variants until the transaction ends, in the order of their ids, and inserts those that are missing.
/// Every transaction that changes a price takes this lock first, so that the second of two sees the result of the first.
pub async fn variant_prices_claim(tx: &mut TenantTx, variants: &[VariantId]) -> sqlx::Result<Vec<VariantPrice>> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = variants.iter().map(|variant| variant.uuid()).collect();
    sqlx::query_as!(
        VariantPrice,
        r#"insert into variant_price (tenant_id, variant_id, prices, version, updated_at)
           select $1, id, '[]', 0, $3 from (select distinct unnest($2::uuid[]) as id) given order by id
           on conflict (tenant_id, variant_id) do update set version = variant_price.version
           returning variant_id as "variant_id: VariantId", prices as "prices: Json<Vec<ChannelPrice>>", version"#,
        tenant,
        &ids,
        tx.now(),
    )
    .fetch_all(&mut **tx)
    .await
}

/// Locks the existing rows of variants.
pub async fn variant_prices_lock(conn: &mut PgConnection, variants: &[VariantId]) -> sqlx::Result<Vec<VariantPrice>> {
    let ids: Vec<Uuid> = variants.iter().map(|variant| variant.uuid()).collect();
    sqlx::query_as!(
        VariantPrice,
        r#"select variant_id as "variant_id: VariantId", prices as "prices: Json<Vec<ChannelPrice>>", version
           from variant_price where variant_id = any($1) order by variant_id for update"#,
        &ids,
    )
    .fetch_all(conn)
    .await
}

/// Writes the prices that the transaction publishes.
pub async fn variant_prices_update(conn: &mut PgConnection, changed: &[VariantPrice], now: Timestamp) -> sqlx::Result<()> {
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
    .execute(conn)
    .await
    .map(drop)
}

/// The next rows by variant. Every variant that ever had a price has one.
pub async fn variant_prices_after(
    conn: &mut PgConnection,
    after: Option<VariantId>,
    limit: i64,
) -> sqlx::Result<Vec<VariantPrice>> {
    sqlx::query_as!(
        VariantPrice,
        r#"select variant_id as "variant_id: VariantId", prices as "prices: Json<Vec<ChannelPrice>>", version
           from variant_price where $1::uuid is null or variant_id > $1 order by variant_id limit $2"#,
        after.map(VariantId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Published prices of all tenants, for the export. A variant that was never published has no state.
pub async fn variant_price_export(
    conn: &mut PgConnection,
    page: ExportPage<VariantId>,
) -> sqlx::Result<Vec<(TenantId, VariantPrice)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", variant_id as "variant_id: VariantId",
                  prices as "prices: Json<Vec<ChannelPrice>>", version
           from variant_price where (tenant_id, variant_id) > ($1, $2) and version > 0
           order by tenant_id, variant_id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows
        .into_iter()
        .map(|row| (row.tenant_id, VariantPrice { variant_id: row.variant_id, prices: row.prices, version: row.version }));
    Ok(records.collect())
}
