//! SQL of the category tree. The database keeps the paths: a move changes one row, and a foreign key cascades it downwards.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{CategoryId, Metadata, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::Category;
use crate::keyset::After;
use crate::values::CategoryName;

struct Row {
    tenant_id: TenantId,
    id: CategoryId,
    parent_id: Option<Uuid>,
    name: CategoryName,
    position: i32,
    metadata: Json<Metadata>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Category {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            parent_id: row.parent_id.map(CategoryId::from_uuid),
            name: row.name,
            position: row.position,
            metadata: row.metadata.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Categories after a position, by tenant and creation; those of one parent, or all.
pub(crate) async fn category_list(
    conn: &mut PgConnection,
    parent: Option<CategoryId>,
    after: After,
    limit: i64,
) -> sqlx::Result<Vec<(TenantId, Category)>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: CategoryId", parent_id,
                  name as "name: CategoryName", position, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from category where (tenant_id, id) > ($1, $2) and ($3::uuid is null or parent_id = $3) order by tenant_id, id limit $4"#,
        after.tenant.uuid(),
        after.id,
        parent.map(CategoryId::uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.into())).collect())
}

/// One category.
pub(crate) async fn category_get(conn: &mut PgConnection, id: CategoryId) -> sqlx::Result<Option<Category>> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: CategoryId", parent_id,
                  name as "name: CategoryName", position, metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from category where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Category::from))
}

/// The categories at the ends of these paths of names, each with its path.
pub(crate) async fn category_paths(conn: &mut PgConnection, paths: &[String]) -> sqlx::Result<Vec<(String, CategoryId)>> {
    let rows = sqlx::query!(
        r#"with recursive wanted as (
               select distinct path as full_path, string_to_array(path, '/') as names from unnest($1::text[]) as path
           ), walk as (
               select w.full_path, w.names, 1 as level, c.id
               from wanted w join category c on c.parent_id is null and c.name = w.names[1]
               union all
               select w.full_path, w.names, w.level + 1, c.id
               from walk w join category c on c.parent_id = w.id and c.name = w.names[w.level + 1]
           )
           select full_path as "path!", id as "id!: CategoryId" from walk where level = cardinality(names)"#,
        paths,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.path, row.id)).collect())
}

/// Adds a category below its parent. False when there is no such parent.
pub(crate) async fn category_insert(tx: &mut TenantTx, category: &Category) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into category (tenant_id, id, parent_id, parent_path, name, position, metadata, version, created_at, updated_at)
         select $1, $2, $3, coalesce((select path from category where id = $3), '{}'), $4, $5, $6, $7, $8, $9
         where $3::uuid is null or exists (select from category where id = $3)",
        tx.tenant().uuid(),
        category.id.uuid(),
        category.parent_id.map(CategoryId::uuid),
        category.name.as_str(),
        category.position,
        Json(&category.metadata) as _,
        category.version,
        category.created_at,
        category.updated_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a changed category; a new parent moves its subtree. False when there is no such parent.
pub(crate) async fn category_update(conn: &mut PgConnection, category: &Category) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update category set parent_id = $2, parent_path = coalesce((select path from category where id = $2), '{}'),
             name = $3, position = $4, metadata = $5, version = $6, updated_at = $7
         where id = $1 and ($2::uuid is null or exists (select from category where id = $2))",
        category.id.uuid(),
        category.parent_id.map(CategoryId::uuid),
        category.name.as_str(),
        category.position,
        Json(&category.metadata) as _,
        category.version,
        category.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a category; constraints refuse it while anything refers to it.
pub(crate) async fn category_delete(conn: &mut PgConnection, id: CategoryId) -> sqlx::Result<()> {
    sqlx::query!("delete from category where id = $1", id.uuid()).execute(conn).await.map(drop)
}

/// Categories of all tenants, for the export.
pub(crate) async fn category_export(
    conn: &mut PgConnection,
    page: ExportPage<CategoryId>,
) -> sqlx::Result<Vec<(TenantId, Category)>> {
    category_list(conn, None, After::of_export(page), page.limit).await
}
