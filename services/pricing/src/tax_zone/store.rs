//! SQL of tax zones and their areas.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Country, Name, TaxZoneId, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{TaxZone, TaxZoneFilter};
use crate::place::{TaxArea, TaxPostalCode, TaxRegion};

struct Row {
    id: TaxZoneId,
    name: Name,
    areas: Json<Vec<TaxArea>>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for TaxZone {
    fn from(row: Row) -> Self {
        let Row { id, name, areas, version, created_at, updated_at } = row;
        Self { id, name, areas: areas.0, version, created_at, updated_at }
    }
}

/// Inserts a zone without its areas.
pub async fn tax_zone_insert(tx: &mut TenantTx, zone: &TaxZone) -> sqlx::Result<()> {
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

/// Writes the state after a change, without the areas.
pub async fn tax_zone_update(conn: &mut PgConnection, zone: &TaxZone) -> sqlx::Result<()> {
    sqlx::query!(
        "update tax_zone set name = $2, version = $3, updated_at = $4 where id = $1",
        zone.id.uuid(),
        zone.name.as_str(),
        zone.version,
        zone.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn tax_zone_areas_delete(conn: &mut PgConnection, id: TaxZoneId) -> sqlx::Result<()> {
    sqlx::query!("delete from tax_zone_area where zone_id = $1", id.uuid()).execute(conn).await.map(drop)
}

pub async fn tax_zone_areas_insert(tx: &mut TenantTx, zone: &TaxZone) -> sqlx::Result<()> {
    let tenant = tx.tenant().uuid();
    let areas = &zone.areas;
    let countries: Vec<String> = areas.iter().map(|area| area.country.as_str().to_owned()).collect();
    let regions: Vec<String> = areas.iter().map(|area| area.region.as_ref().map_or("", TaxRegion::as_str).to_owned()).collect();
    let prefixes: Vec<String> =
        areas.iter().map(|area| area.postal_prefix.as_ref().map_or("", TaxPostalCode::as_str).to_owned()).collect();
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

/// Deletes a zone with its areas when it still has this version.
pub async fn tax_zone_delete(conn: &mut PgConnection, id: TaxZoneId, version: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from tax_zone where id = $1 and version = $2", id.uuid(), version).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a zone until the transaction ends, so that the sum of its rates can be checked; `false` when there is none.
pub async fn tax_zone_lock(conn: &mut PgConnection, id: TaxZoneId) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(r#"select true as "found!" from tax_zone where id = $1 for no key update"#, id.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

pub async fn tax_zone_get(conn: &mut PgConnection, id: TaxZoneId) -> sqlx::Result<Option<TaxZone>> {
    let row = sqlx::query_as!(
        Row,
        r#"select z.id as "id: TaxZoneId", z.name as "name: Name", z.version, z.created_at, z.updated_at,
                  (select coalesce(jsonb_agg(jsonb_build_object('country', a.country, 'region', nullif(a.region, ''),
                                                                'postal_prefix', nullif(a.postal_prefix, ''))
                                             order by a.country, a.region, a.postal_prefix), '[]')
                   from tax_zone_area a where a.tenant_id = z.tenant_id and a.zone_id = z.id) as "areas!: Json<Vec<TaxArea>>"
           from tax_zone z where z.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(TaxZone::from))
}

/// Zones, oldest first.
pub async fn tax_zone_list(
    conn: &mut PgConnection,
    filter: &TaxZoneFilter,
    after: Option<TaxZoneId>,
    limit: i64,
) -> sqlx::Result<Vec<TaxZone>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select z.id as "id: TaxZoneId", z.name as "name: Name", z.version, z.created_at, z.updated_at,
                  (select coalesce(jsonb_agg(jsonb_build_object('country', a.country, 'region', nullif(a.region, ''),
                                                                'postal_prefix', nullif(a.postal_prefix, ''))
                                             order by a.country, a.region, a.postal_prefix), '[]')
                   from tax_zone_area a where a.tenant_id = z.tenant_id and a.zone_id = z.id) as "areas!: Json<Vec<TaxArea>>"
           from tax_zone z
           where ($1::uuid is null or z.id > $1)
             and ($3::bpchar is null or exists (
               select from tax_zone_area a where a.tenant_id = z.tenant_id and a.zone_id = z.id and a.country = $3::bpchar))
           order by z.id limit $2"#,
        after.map(TaxZoneId::uuid),
        limit,
        filter.country.as_ref().map(Country::as_str),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TaxZone::from).collect())
}

/// Zones of all tenants, for the export.
pub async fn tax_zone_export(conn: &mut PgConnection, page: ExportPage<TaxZoneId>) -> sqlx::Result<Vec<(TenantId, TaxZone)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select z.tenant_id as "tenant_id: TenantId", z.id as "id: TaxZoneId", z.name as "name: Name", z.version, z.created_at,
                  z.updated_at,
                  (select coalesce(jsonb_agg(jsonb_build_object('country', a.country, 'region', nullif(a.region, ''),
                                                                'postal_prefix', nullif(a.postal_prefix, ''))
                                             order by a.country, a.region, a.postal_prefix), '[]')
                   from tax_zone_area a where a.tenant_id = z.tenant_id and a.zone_id = z.id) as "areas!: Json<Vec<TaxArea>>"
           from tax_zone z where (z.tenant_id, z.id) > ($1, $2) order by z.tenant_id, z.id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows.into_iter().map(|row| {
        let zone = TaxZone {
            id: row.id,
            name: row.name,
            areas: row.areas.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (row.tenant_id, zone)
    });
    Ok(records.collect())
}
