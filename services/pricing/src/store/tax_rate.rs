//! Tax rates.

use bloom_db::TenantTx;
use bloom_kernel::{Rate, TaxClassId, TaxRateId, TaxZoneId, Timestamp};
use sqlx::PgConnection;

use crate::domain::bounded::Name;
use crate::domain::tax_setup::TaxRate;

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
        Self { id, zone_id, class_id, name, rate_ppm: rate(rate_ppm), version, created_at, updated_at }
    }
}

/// The rate of a stored number, which the column's check keeps between nothing and the whole.
pub(super) fn rate(ppm: i32) -> Rate {
    u32::try_from(ppm).ok().and_then(|ppm| Rate::new(ppm).ok()).unwrap_or_default()
}

fn ppm(rate: Rate) -> i32 {
    i32::try_from(rate.ppm()).unwrap_or(i32::MAX)
}

/// Writes a new rate.
pub async fn tax_rate_insert(tx: &mut TenantTx, rate: &TaxRate) -> Result<(), sqlx::Error> {
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

/// Writes what a change left.
pub async fn tax_rate_update(tx: &mut TenantTx, rate: &TaxRate) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update tax_rate set name = $2, rate_ppm = $3, version = $4, updated_at = $5 where id = $1",
        rate.id.uuid(),
        rate.name.as_str(),
        ppm(rate.rate_ppm),
        rate.version,
        rate.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Removes a rate when it still has this version.
pub async fn tax_rate_delete(tx: &mut TenantTx, id: TaxRateId, version: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from tax_rate where id = $1 and version = $2", id.uuid(), version).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// One rate.
pub async fn tax_rate_get(conn: &mut PgConnection, id: TaxRateId) -> Result<Option<TaxRate>, sqlx::Error> {
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
pub async fn tax_rates_of(conn: &mut PgConnection, zone: TaxZoneId, class: TaxClassId) -> Result<Vec<Rate>, sqlx::Error> {
    let rows =
        sqlx::query_scalar!("select rate_ppm from tax_rate where zone_id = $1 and class_id = $2", zone.uuid(), class.uuid())
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(rate).collect())
}

/// A page of rates, oldest first.
pub async fn tax_rate_page(
    conn: &mut PgConnection,
    zone: Option<TaxZoneId>,
    class: Option<TaxClassId>,
    after: Option<TaxRateId>,
    limit: i64,
) -> Result<Vec<TaxRate>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: TaxRateId", zone_id as "zone_id: TaxZoneId", class_id as "class_id: TaxClassId",
                  name as "name: Name", rate_ppm, version, created_at, updated_at
           from tax_rate
           where ($1::uuid is null or zone_id = $1) and ($2::uuid is null or class_id = $2) and ($3::uuid is null or id > $3)
           order by id limit $4"#,
        zone.map(TaxZoneId::uuid),
        class.map(TaxClassId::uuid),
        after.map(TaxRateId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TaxRate::from).collect())
}
