//! SQL of collections.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{CollectionId, Metadata, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::Collection;
use crate::keyset::After;
use crate::values::{CollectionDescription, ObjectCode, Title};

struct Row {
    tenant_id: TenantId,
    id: CollectionId,
    code: ObjectCode,
    title: Title,
    description: CollectionDescription,
    metadata: Json<Metadata>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Collection {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            code: row.code,
            title: row.title,
            description: row.description,
            metadata: row.metadata.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Collections after a position, by tenant and creation.
pub(crate) async fn collection_list(
    conn: &mut PgConnection,
    after: After,
    limit: i64,
) -> sqlx::Result<Vec<(TenantId, Collection)>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: CollectionId", code as "code: ObjectCode",
                  title as "title: Title", description as "description: CollectionDescription", metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from collection where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        after.tenant.uuid(),
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.into())).collect())
}

/// One collection.
pub(crate) async fn collection_get(conn: &mut PgConnection, id: CollectionId) -> sqlx::Result<Option<Collection>> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: CollectionId", code as "code: ObjectCode",
                  title as "title: Title", description as "description: CollectionDescription", metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from collection where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Collection::from))
}

/// One collection, locked for a change.
pub(crate) async fn collection_lock(conn: &mut PgConnection, id: CollectionId) -> sqlx::Result<Option<Collection>> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: CollectionId", code as "code: ObjectCode",
                  title as "title: Title", description as "description: CollectionDescription", metadata as "metadata: Json<Metadata>", version,
                  created_at, updated_at
           from collection where id = $1 for update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Collection::from))
}

/// Writes a collection, new or changed.
pub(crate) async fn collection_write(tx: &mut TenantTx, collection: &Collection) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into collection (tenant_id, id, code, title, description, metadata, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant_id, id) do update set title = excluded.title, description = excluded.description,
             metadata = excluded.metadata, version = excluded.version, updated_at = excluded.updated_at",
        tx.tenant().uuid(),
        collection.id.uuid(),
        collection.code.as_str(),
        collection.title.as_str(),
        collection.description.as_str(),
        Json(&collection.metadata) as _,
        collection.version,
        collection.created_at,
        collection.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Removes a collection; a constraint refuses it while products are in it.
pub(crate) async fn collection_delete(conn: &mut PgConnection, id: CollectionId) -> sqlx::Result<()> {
    sqlx::query!("delete from collection where id = $1", id.uuid()).execute(conn).await.map(drop)
}

/// Collections of all tenants, for the export.
pub(crate) async fn collection_export(
    conn: &mut PgConnection,
    page: ExportPage<CollectionId>,
) -> sqlx::Result<Vec<(TenantId, Collection)>> {
    collection_list(conn, After::of_export(page), page.limit).await
}
