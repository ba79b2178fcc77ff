//! SQL of tax classes.

use bloom_kernel::{TaxClassId, Timestamp};
use bloom_runtime::TenantTx;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::TaxClass;
use crate::bounded::{Code, Name};

pub(crate) async fn tax_class_insert(tx: &mut TenantTx, class: &TaxClass) -> sqlx::Result<()> {
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
pub(crate) async fn tax_class_undefault(tx: &mut TenantTx, now: Timestamp) -> sqlx::Result<Option<TaxClass>> {
    sqlx::query_as!(
        TaxClass,
        r#"update tax_class set is_default = false, version = version + 1, updated_at = $1 where is_default
           returning id as "id: TaxClassId", code as "code: Code", name as "name: Name", is_default, version, created_at,
                     updated_at"#,
        now,
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Writes the state after a change.
pub(crate) async fn tax_class_update(tx: &mut TenantTx, class: &TaxClass) -> sqlx::Result<()> {
    sqlx::query!(
        "update tax_class set code = $2, name = $3, is_default = $4, version = $5, updated_at = $6 where id = $1",
        class.id.uuid(),
        class.code.as_str(),
        class.name.as_str(),
        class.is_default,
        class.version,
        class.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(crate) async fn tax_class_get(conn: &mut PgConnection, id: TaxClassId) -> sqlx::Result<Option<TaxClass>> {
    sqlx::query_as!(
        TaxClass,
        r#"select id as "id: TaxClassId", code as "code: Code", name as "name: Name", is_default, version, created_at, updated_at
           from tax_class where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// A page of classes, oldest first.
pub(crate) async fn tax_class_page(
    conn: &mut PgConnection,
    after: Option<TaxClassId>,
    limit: i64,
) -> sqlx::Result<Vec<TaxClass>> {
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
pub(crate) async fn tax_class_find(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<TaxClassId>> {
    sqlx::query_scalar!(r#"select id as "id: TaxClassId" from tax_class where id = any($1)"#, ids).fetch_all(conn).await
}
