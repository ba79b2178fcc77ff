//! SQL of tax rates.

use bloom_kernel::{Rate, TaxClassId, TaxRateId, TaxZoneId, Timestamp};
use bloom_runtime::TenantTx;
use sqlx::PgConnection;

use super::model::TaxRate;
use crate::bounded::Name;

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
pub(crate) fn rate_from_ppm(ppm: i32) -> Rate {
    u32::try_from(ppm).ok().and_then(|ppm| Rate::new(ppm).ok()).unwrap_or_default()
}

fn ppm(rate: Rate) -> i32 {
    i32::try_from(rate.ppm()).unwrap_or(i32::MAX)
}

pub(crate) async fn tax_rate_insert(tx: &mut TenantTx, rate: &TaxRate) -> sqlx::Result<()> {
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
pub(crate) async fn tax_rate_update(tx: &mut TenantTx, rate: &TaxRate) -> sqlx::Result<()> {
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

/// Deletes a rate when it still has this version.
pub(crate) async fn tax_rate_delete(tx: &mut TenantTx, id: TaxRateId, version: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from tax_rate where id = $1 and version = $2", id.uuid(), version).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn tax_rate_get(conn: &mut PgConnection, id: TaxRateId) -> sqlx::Result<Option<TaxRate>> {
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
pub(crate) async fn tax_rates_of(conn: &mut PgConnection, zone: TaxZoneId, class: TaxClassId) -> sqlx::Result<Vec<Rate>> {
    let rows =
        sqlx::query_scalar!("select rate_ppm from tax_rate where zone_id = $1 and class_id = $2", zone.uuid(), class.uuid())
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(rate_from_ppm).collect())
}

/// A page of rates, oldest first.
pub(crate) async fn tax_rate_page(
    conn: &mut PgConnection,
    zone: Option<TaxZoneId>,
    class: Option<TaxClassId>,
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
        zone.map(TaxZoneId::uuid),
        class.map(TaxClassId::uuid),
        after.map(TaxRateId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TaxRate::from).collect())
}
