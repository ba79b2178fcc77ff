//! Tax classes.

use bloom_db::TenantTx;
use bloom_kernel::{TaxClassId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::bounded::{Code, Name};
use crate::domain::tax_setup::TaxClass;

/// Writes a new class.
pub async fn tax_class_insert(tx: &mut TenantTx, class: &TaxClass) -> Result<(), sqlx::Error> {
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

/// Takes the default from the class that has it and returns that class.
pub async fn tax_class_undefault(tx: &mut TenantTx, now: Timestamp) -> Result<Option<TaxClass>, sqlx::Error> {
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

/// Writes what a change left.
pub async fn tax_class_update(tx: &mut TenantTx, class: &TaxClass) -> Result<(), sqlx::Error> {
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

/// One class.
pub async fn tax_class_get(conn: &mut PgConnection, id: TaxClassId) -> Result<Option<TaxClass>, sqlx::Error> {
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
pub async fn tax_class_page(
    conn: &mut PgConnection,
    after: Option<TaxClassId>,
    limit: i64,
) -> Result<Vec<TaxClass>, sqlx::Error> {
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

/// Which of these classes there are.
pub async fn tax_class_find(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<TaxClassId>, sqlx::Error> {
    sqlx::query_scalar!(r#"select id as "id: TaxClassId" from tax_class where id = any($1)"#, ids).fetch_all(conn).await
}
