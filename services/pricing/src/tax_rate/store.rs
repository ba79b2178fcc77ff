//! SQL of tax rates.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Name, Rate, TaxClassId, TaxRateId, TaxZoneId, TenantId, Timestamp};
use sqlx::PgConnection;

use super::model::{TaxRate, TaxRateFilter};

struct Row {
    id: TaxRateId,
    zone_id: TaxZoneId,
    class_id: TaxClassId,
    name: Name,
    rate_ppm: i32,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for TaxRate {
    fn from(row: Row) -> Self {
        let Row { id, zone_id, class_id, name, rate_ppm, version, created_at, updated_at } = row;
        Self { id, zone_id, class_id, name, rate_ppm: rate_from_ppm(rate_ppm), version, created_at, updated_at }
    }
}

/// The rate of a stored number, which a check of the column keeps between 0 and the whole.
pub fn rate_from_ppm(ppm: i32) -> Rate {
    u32::try_from(ppm).ok().and_then(|ppm| Rate::new(ppm).ok()).unwrap_or_default()
}

fn ppm(rate: Rate) -> i32 {
    i32::try_from(rate.ppm()).unwrap_or(i32::MAX)
}

pub async fn tax_rate_insert(tx: &mut TenantTx, rate: &TaxRate) -> sqlx::Result<()> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into tax_rate (tenant_id, id, zone_id, class_id, name, rate_ppm, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant,
        rate.id.uuid(),
        rate.zone_id.uuid(),
        rate.class_id.uuid(),
        rate.name.as_str(),
        ppm(rate.rate_ppm),
        rate.version,
        rate.created_at,
        rate.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Writes the state after a change.
pub async fn tax_rate_update(conn: &mut PgConnection, rate: &TaxRate) -> sqlx::Result<()> {
    sqlx::query!(
        "update tax_rate set name = $2, rate_ppm = $3, version = $4, updated_at = $5 where id = $1",
        rate.id.uuid(),
        rate.name.as_str(),
        ppm(rate.rate_ppm),
        rate.version,
        rate.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Deletes a rate when it still has this version.
pub async fn tax_rate_delete(conn: &mut PgConnection, id: TaxRateId, version: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from tax_rate where id = $1 and version = $2", id.uuid(), version).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

pub async fn tax_rate_get(conn: &mut PgConnection, id: TaxRateId) -> sqlx::Result<Option<TaxRate>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: TaxRateId", zone_id as "zone_id: TaxZoneId", class_id as "class_id: TaxClassId",
                  name as "name: Name", rate_ppm, version, created_at, updated_at
           from tax_rate where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(TaxRate::from))
}

/// The rates of one class in one zone.
pub async fn tax_rates_of(conn: &mut PgConnection, zone: TaxZoneId, class: TaxClassId) -> sqlx::Result<Vec<Rate>> {
    let rows =
        sqlx::query_scalar!("select rate_ppm from tax_rate where zone_id = $1 and class_id = $2", zone.uuid(), class.uuid())
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(rate_from_ppm).collect())
}

/// Rates, oldest first.
pub async fn tax_rate_list(
    conn: &mut PgConnection,
    filter: &TaxRateFilter,
    after: Option<TaxRateId>,
    limit: i64,
) -> sqlx::Result<Vec<TaxRate>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: TaxRateId", zone_id as "zone_id: TaxZoneId", class_id as "class_id: TaxClassId",
                  name as "name: Name", rate_ppm, version, created_at, updated_at
           from tax_rate
           where ($1::uuid is null or zone_id = $1) and ($2::uuid is null or class_id = $2) and ($3::uuid is null or id > $3)
           order by id limit $4"#,
        filter.zone_id.map(TaxZoneId::uuid),
        filter.class_id.map(TaxClassId::uuid),
        after.map(TaxRateId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TaxRate::from).collect())
}

/// Rates of all tenants, for the export.
pub async fn tax_rate_export(conn: &mut PgConnection, page: ExportPage<TaxRateId>) -> sqlx::Result<Vec<(TenantId, TaxRate)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: TaxRateId", zone_id as "zone_id: TaxZoneId",
                  class_id as "class_id: TaxClassId", name as "name: Name", rate_ppm, version, created_at, updated_at
           from tax_rate where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows.into_iter().map(|row| {
        let rate = TaxRate {
            id: row.id,
            zone_id: row.zone_id,
            class_id: row.class_id,
            name: row.name,
            rate_ppm: rate_from_ppm(row.rate_ppm),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (row.tenant_id, rate)
    });
    Ok(records.collect())
}
