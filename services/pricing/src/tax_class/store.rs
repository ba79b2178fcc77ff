//! SQL of tax classes.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Name, TaxClassId, TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::TaxClass;
use crate::bounded::Code;

pub async fn tax_class_insert(tx: &mut TenantTx, class: &TaxClass) -> sqlx::Result<()> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into tax_class (tenant_id, id, code, name, is_default, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant,
        class.id.uuid(),
        class.code.as_str(),
        class.name.as_str(),
        class.is_default,
        class.version,
        class.created_at,
        class.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Takes the default from the class that has it, and returns that class.
pub async fn tax_class_undefault(conn: &mut PgConnection, now: Timestamp) -> sqlx::Result<Option<TaxClass>> {
    sqlx::query_as!(
        TaxClass,
        r#"update tax_class set is_default = false, version = version + 1, updated_at = $1 where is_default
           returning id as "id: TaxClassId", code as "code: Code", name as "name: Name", is_default, version, created_at,
                     updated_at"#,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// Writes the state after a change.
pub async fn tax_class_update(conn: &mut PgConnection, class: &TaxClass) -> sqlx::Result<()> {
    sqlx::query!(
        "update tax_class set code = $2, name = $3, is_default = $4, version = $5, updated_at = $6 where id = $1",
        class.id.uuid(),
        class.code.as_str(),
        class.name.as_str(),
        class.is_default,
        class.version,
        class.updated_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn tax_class_get(conn: &mut PgConnection, id: TaxClassId) -> sqlx::Result<Option<TaxClass>> {
    sqlx::query_as!(
        TaxClass,
        r#"select id as "id: TaxClassId", code as "code: Code", name as "name: Name", is_default, version, created_at, updated_at
           from tax_class where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Classes, oldest first.
pub async fn tax_class_list(conn: &mut PgConnection, after: Option<TaxClassId>, limit: i64) -> sqlx::Result<Vec<TaxClass>> {
    sqlx::query_as!(
        TaxClass,
        r#"select id as "id: TaxClassId", code as "code: Code", name as "name: Name", is_default, version, created_at, updated_at
           from tax_class where $1::uuid is null or id > $1 order by id limit $2"#,
        after.map(TaxClassId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Those of the ids that are classes of the tenant.
pub async fn tax_class_find(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<TaxClassId>> {
    sqlx::query_scalar!(r#"select id as "id: TaxClassId" from tax_class where id = any($1)"#, ids).fetch_all(conn).await
}

/// Classes of all tenants, for the export.
pub async fn tax_class_export(conn: &mut PgConnection, page: ExportPage<TaxClassId>) -> sqlx::Result<Vec<(TenantId, TaxClass)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: TaxClassId", code as "code: Code", name as "name: Name",
                  is_default, version, created_at, updated_at
           from tax_class where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let records = rows.into_iter().map(|row| {
        let class = TaxClass {
            id: row.id,
            code: row.code,
            name: row.name,
            is_default: row.is_default,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (row.tenant_id, class)
    });
    Ok(records.collect())
}
