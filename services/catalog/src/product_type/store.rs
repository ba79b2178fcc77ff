//! SQL of product types.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{Metadata, Name, ProductTypeId, TenantId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{AttributeDefinition, ProductType};
use crate::keyset::After;
use crate::values::ObjectCode;

struct Row {
    tenant_id: TenantId,
    id: ProductTypeId,
    code: ObjectCode,
    name: Name,
    attributes: Json<Vec<AttributeDefinition>>,
    metadata: Json<Metadata>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for ProductType {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            attributes: row.attributes.0,
            metadata: row.metadata.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Product types after a position, by tenant and creation.
pub(crate) async fn product_type_list(
    conn: &mut PgConnection,
    after: After,
    limit: i64,
) -> sqlx::Result<Vec<(TenantId, ProductType)>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ProductTypeId", code as "code: ObjectCode",
                  name as "name: Name", attributes as "attributes: Json<Vec<AttributeDefinition>>",
                  metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from product_type where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        after.tenant.uuid(),
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.into())).collect())
}

/// One product type.
pub(crate) async fn product_type_get(conn: &mut PgConnection, id: ProductTypeId) -> sqlx::Result<Option<ProductType>> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ProductTypeId", code as "code: ObjectCode",
                  name as "name: Name", attributes as "attributes: Json<Vec<AttributeDefinition>>",
                  metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from product_type where id = $1"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ProductType::from))
}

/// One product type, locked for a change.
pub(crate) async fn product_type_lock(conn: &mut PgConnection, id: ProductTypeId) -> sqlx::Result<Option<ProductType>> {
    let row = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ProductTypeId", code as "code: ObjectCode",
                  name as "name: Name", attributes as "attributes: Json<Vec<AttributeDefinition>>",
                  metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from product_type where id = $1 for update"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ProductType::from))
}

/// The product types with these codes or ids, locked against changes until the transaction ends.
pub(crate) async fn product_type_find(conn: &mut PgConnection, codes: &[String], ids: &[Uuid]) -> sqlx::Result<Vec<ProductType>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ProductTypeId", code as "code: ObjectCode",
                  name as "name: Name", attributes as "attributes: Json<Vec<AttributeDefinition>>",
                  metadata as "metadata: Json<Metadata>", version, created_at, updated_at
           from product_type where code = any($1) or id = any($2) order by id for share"#,
        codes,
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(ProductType::from).collect())
}

/// Writes a product type, new or changed.
pub(crate) async fn product_type_write(tx: &mut TenantTx, product_type: &ProductType) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into product_type (tenant_id, id, code, name, attributes, metadata, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant_id, id) do update set name = excluded.name, attributes = excluded.attributes,
             metadata = excluded.metadata, version = excluded.version, updated_at = excluded.updated_at",
        tx.tenant().uuid(),
        product_type.id.uuid(),
        product_type.code.as_str(),
        product_type.name.as_str(),
        Json(&product_type.attributes) as _,
        Json(&product_type.metadata) as _,
        product_type.version,
        product_type.created_at,
        product_type.updated_at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Product types of all tenants, for the export.
pub(crate) async fn product_type_export(
    conn: &mut PgConnection,
    page: ExportPage<ProductTypeId>,
) -> sqlx::Result<Vec<(TenantId, ProductType)>> {
    product_type_list(conn, After::of_export(page), page.limit).await
}
