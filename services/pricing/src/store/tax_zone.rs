//! Tax zones and their areas.

use bloom_db::TenantTx;
use bloom_kernel::{TaxZoneId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::bounded::Name;
use crate::domain::place::{Area, Country, PostalCode, Region};
use crate::domain::tax_setup::{Areas, TaxZone};

struct Row {
    id: TaxZoneId,
    name: Name,
    areas: Json<Vec<Area>>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for TaxZone {
    fn from(row: Row) -> Self {
        let Row { id, name, areas, version, created_at, updated_at } = row;
        Self { id, name, areas: Areas(areas.0), version, created_at, updated_at }
    }
}

/// Writes a new zone, without its areas.
pub async fn tax_zone_insert(tx: &mut TenantTx, zone: &TaxZone) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into tax_zone (tenant_id, id, name, version, created_at, updated_at) values ($1, $2, $3, $4, $5, $6)",
        tenant,
        zone.id.uuid(),
        zone.name.as_str(),
        zone.version,
        zone.created_at,
        zone.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Writes what a change left, without the areas.
pub async fn tax_zone_update(tx: &mut TenantTx, zone: &TaxZone) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update tax_zone set name = $2, version = $3, updated_at = $4 where id = $1",
        zone.id.uuid(),
        zone.name.as_str(),
        zone.version,
        zone.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Forgets the areas of a zone.
pub async fn tax_zone_areas_delete(tx: &mut TenantTx, id: TaxZoneId) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from tax_zone_area where zone_id = $1", id.uuid()).execute(&mut **tx).await.map(drop)
}

/// Writes the areas of a zone.
pub async fn tax_zone_areas_insert(tx: &mut TenantTx, zone: &TaxZone) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let areas = &zone.areas.0;
    let countries: Vec<String> = areas.iter().map(|area| area.country.as_str().to_owned()).collect();
    let regions: Vec<String> = areas.iter().map(|area| area.region.as_ref().map_or("", Region::as_str).to_owned()).collect();
    let prefixes: Vec<String> =
        areas.iter().map(|area| area.postal_prefix.as_ref().map_or("", PostalCode::as_str).to_owned()).collect();
    sqlx::query!(
        "insert into tax_zone_area (tenant_id, country, region, postal_prefix, zone_id)
         select $1, country, region, prefix, $2
         from unnest($3::text[], $4::text[], $5::text[]) area(country, region, prefix) order by 2, 3, 4",
        tenant,
        zone.id.uuid(),
        &countries,
        &regions,
        &prefixes,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Removes a zone with its areas when it still has this version.
pub async fn tax_zone_delete(tx: &mut TenantTx, id: TaxZoneId, version: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("delete from tax_zone where id = $1 and version = $2", id.uuid(), version).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a zone until the transaction ends, so that its rates are counted right; `false` when there is none.
pub async fn tax_zone_lock(tx: &mut TenantTx, id: TaxZoneId) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!(r#"select true as "found!" from tax_zone where id = $1 for no key update"#, id.uuid())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(found.is_some())
}

/// One zone.
pub async fn tax_zone_get(conn: &mut PgConnection, id: TaxZoneId) -> Result<Option<TaxZone>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select z.id as "id: TaxZoneId", z.name as "name: Name", z.version, z.created_at, z.updated_at,
                  (select coalesce(jsonb_agg(jsonb_build_object('country', a.country, 'region', nullif(a.region, ''),
                                                                'postal_prefix', nullif(a.postal_prefix, ''))
                                             order by a.country, a.region, a.postal_prefix), '[]')
                   from tax_zone_area a where a.tenant_id = z.tenant_id and a.zone_id = z.id) as "areas!: Json<Vec<Area>>"
           from tax_zone z where z.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(TaxZone::from))
}

/// A page of zones, oldest first.
pub async fn tax_zone_page(
    conn: &mut PgConnection,
    country: Option<&Country>,
    after: Option<TaxZoneId>,
    limit: i64,
) -> Result<Vec<TaxZone>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select z.id as "id: TaxZoneId", z.name as "name: Name", z.version, z.created_at, z.updated_at,
                  (select coalesce(jsonb_agg(jsonb_build_object('country', a.country, 'region', nullif(a.region, ''),
                                                                'postal_prefix', nullif(a.postal_prefix, ''))
                                             order by a.country, a.region, a.postal_prefix), '[]')
                   from tax_zone_area a where a.tenant_id = z.tenant_id and a.zone_id = z.id) as "areas!: Json<Vec<Area>>"
           from tax_zone z
           where ($1::uuid is null or z.id > $1)
             and ($3::bpchar is null or exists (
               select from tax_zone_area a where a.tenant_id = z.tenant_id and a.zone_id = z.id and a.country = $3::bpchar))
           order by z.id limit $2"#,
        after.map(TaxZoneId::uuid),
        limit,
        country.map(Country::as_str),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TaxZone::from).collect())
}
