//! SQL of locations.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Code, LocationId, Name, Priority, TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Location;

/// Adds a location.
pub async fn location_insert(tx: &mut TenantTx, location: &Location) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into location (tenant_id, id, code, name, priority, active, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tx.tenant().uuid(),
        location.id.uuid(),
        location.code.as_str(),
        location.name.as_str(),
        location.priority.get(),
        location.active,
        location.version,
        location.created_at,
        location.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// One location.
pub async fn location_get(conn: &mut PgConnection, id: LocationId) -> sqlx::Result<Option<Location>> {
    sqlx::query_as!(
        Location,
        r#"select id as "id: LocationId", code as "code: Code", name as "name: Name", priority as "priority: Priority", active,
               version, created_at, updated_at
           from location where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// One location, locked for an update.
pub async fn location_lock(conn: &mut PgConnection, id: LocationId) -> sqlx::Result<Option<Location>> {
    sqlx::query_as!(
        Location,
        r#"select id as "id: LocationId", code as "code: Code", name as "name: Name", priority as "priority: Priority", active,
               version, created_at, updated_at
           from location where id = $1 for no key update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Writes a changed location.
pub async fn location_update(conn: &mut PgConnection, location: &Location) -> sqlx::Result<()> {
    sqlx::query!(
        "update location set code = $2, name = $3, priority = $4, active = $5, version = $6, updated_at = $7 where id = $1",
        location.id.uuid(),
        location.code.as_str(),
        location.name.as_str(),
        location.priority.get(),
        location.active,
        location.version,
        location.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A page of locations after a position, in the order in which they serve.
pub async fn location_list(
    conn: &mut PgConnection,
    after: Option<(Priority, LocationId)>,
    limit: i64,
) -> sqlx::Result<Vec<Location>> {
    let (priority, id) = after.map_or((-1, Uuid::nil()), |(priority, id)| (priority.get(), id.uuid()));
    sqlx::query_as!(
        Location,
        r#"select id as "id: LocationId", code as "code: Code", name as "name: Name", priority as "priority: Priority", active,
               version, created_at, updated_at
           from location where (priority, id) > ($1, $2)
           order by priority, id limit $3"#,
        priority,
        id,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The ids of these codes; unknown codes are left out.
pub async fn location_ids(conn: &mut PgConnection, codes: &[String]) -> sqlx::Result<Vec<(String, LocationId)>> {
    let rows =
        sqlx::query!(r#"select code, id as "id: LocationId" from location where code = any($1)"#, codes).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.code, row.id)).collect())
}

/// Those of the ids that exist.
pub async fn location_find(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<LocationId>> {
    sqlx::query_scalar!(r#"select id as "id: LocationId" from location where id = any($1)"#, ids).fetch_all(conn).await
}

/// Locations of all tenants, for the export.
pub async fn location_export(conn: &mut PgConnection, page: ExportPage<LocationId>) -> sqlx::Result<Vec<(TenantId, Location)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: LocationId", code as "code: Code", name as "name: Name",
               priority as "priority: Priority", active, version, created_at, updated_at
           from location where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows.into_iter().map(|row| {
        let location = Location {
            id: row.id,
            code: row.code,
            name: row.name,
            priority: row.priority,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (row.tenant_id, location)
    });
    Ok(records.collect())
}
