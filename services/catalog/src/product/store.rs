//! SQL of products with their variants, read and written in sets.

use std::collections::HashMap;

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_kernel::{
    CategoryId, ChannelId, CollectionId, Metadata, ProductId, ProductTypeId, TaxClassId, TenantId, Timestamp, VariantId,
};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::membership::{product_category_set, product_channel_set};
use super::model::{Placement, Product, ProductStatus};
use super::options::{Media, ProductOption, values_by_name, values_in_order};
use super::variant::{Variant, VariantStatus};
use crate::keyset::{After, uuids};
use crate::listing::product_ids;
use crate::product_type::Attributes;
use crate::values::{Barcode, ExternalId, ProductDescription, Sku, Title, WeightGrams};

/// Products with variants, channels, categories and collections, in the order of their ids.
pub(crate) async fn product_load(conn: &mut PgConnection, ids: &[ProductId]) -> sqlx::Result<Vec<Product>> {
    let ids = uuids(ids);
    let rows = sqlx::query!(
        r#"select id as "id: ProductId", product_type_id as "product_type_id: ProductTypeId",
               external_id as "external_id: ExternalId", title as "title: Title",
               description as "description: ProductDescription", status, requires_shipping, options as "options: Json<Vec<ProductOption>>",
               attributes as "attributes: Json<Attributes>", media as "media: Json<Vec<Media>>",
               metadata as "metadata: Json<Metadata>", version, created_at, updated_at,
               array(select category_id from product_category pc
                     where pc.tenant_id = p.tenant_id and pc.product_id = p.id order by 1) as "categories!: Vec<CategoryId>",
               array(select channel_id from product_channel pc
                     where pc.tenant_id = p.tenant_id and pc.product_id = p.id order by 1) as "channels!: Vec<ChannelId>",
               array(select collection_id from product_collection pc
                     where pc.tenant_id = p.tenant_id and pc.product_id = p.id order by 1) as "collections!: Vec<CollectionId>",
               array(select position from product_collection pc
                     where pc.tenant_id = p.tenant_id and pc.product_id = p.id
                     order by collection_id) as "positions!: Vec<i64>"
           from product p where id = any($1) order by id"#,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut variants = variant_load(conn, &ids).await?;
    let products = rows.into_iter().map(|row| {
        let places = row.collections.into_iter().zip(row.positions);
        let mut product = Product {
            id: row.id,
            product_type_id: row.product_type_id,
            external_id: row.external_id,
            title: row.title,
            description: row.description,
            status: ProductStatus::of(&row.status),
            requires_shipping: row.requires_shipping,
            options: row.options.0,
            attributes: row.attributes.0,
            category_ids: row.categories,
            collections: places.map(|(collection_id, position)| Placement { collection_id, position }).collect(),
            channel_ids: row.channels,
            media: row.media.0,
            metadata: row.metadata.0,
            variants: Vec::new(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            price: None,
            inventory: None,
        };
        let found = variants.remove(&row.id).unwrap_or_default();
        product.variants = found.into_iter().map(|(variant, values)| with_options(variant, &product.options, &values)).collect();
        product
    });
    Ok(products.collect())
}

/// Option values are stored by the option's position; an archived variant may have values of options that its product has no
/// more.
fn with_options(mut variant: Variant, options: &[ProductOption], values: &[String]) -> Variant {
    variant.title = values.join(" / ");
    variant.options = values_by_name(options, values);
    variant
}

async fn variant_load(
    conn: &mut PgConnection,
    products: &[Uuid],
) -> sqlx::Result<HashMap<ProductId, Vec<(Variant, Vec<String>)>>> {
    let rows = sqlx::query!(
        r#"select id as "id: VariantId", product_id as "product_id: ProductId", position, status,
               sku as "sku: Sku", barcode as "barcode: Barcode", external_id as "external_id: ExternalId",
               option_values, weight_grams as "weight_grams: WeightGrams", tax_class_id as "tax_class_id: TaxClassId", metadata as "metadata: Json<Metadata>",
               created_at, updated_at
           from variant where product_id = any($1) order by product_id, position, id"#,
        products,
    )
    .fetch_all(conn)
    .await?;
    let mut found: HashMap<ProductId, Vec<(Variant, Vec<String>)>> = HashMap::new();
    for row in rows {
        let variant = Variant {
            id: row.id,
            product_id: row.product_id,
            sku: row.sku,
            barcode: row.barcode,
            external_id: row.external_id,
            title: String::new(),
            options: std::collections::BTreeMap::new(),
            weight_grams: row.weight_grams,
            tax_class_id: row.tax_class_id,
            status: VariantStatus::of(&row.status),
            position: row.position,
            metadata: row.metadata.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
            price: None,
            inventory: None,
        };
        found.entry(row.product_id).or_default().push((variant, row.option_values));
    }
    Ok(found)
}

#[derive(Serialize)]
struct ProductRow<'a> {
    id: Uuid,
    product_type_id: Option<Uuid>,
    external_id: Option<&'a str>,
    title: &'a str,
    title_key: String,
    description: &'a str,
    status: &'static str,
    requires_shipping: bool,
    options: &'a [ProductOption],
    attributes: &'a Attributes,
    media: &'a [Media],
    metadata: &'a Metadata,
    list_json: String,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Writes products, new or changed, with variants, channels and categories.
pub(crate) async fn product_write(tx: &mut TenantTx, products: &[&Product]) -> sqlx::Result<()> {
    product_rows_write(tx, products).await?;
    variant_rows_write(tx, products).await?;
    let ids: Vec<Uuid> = products.iter().map(|product| product.id.uuid()).collect();
    let pairs = |pick: fn(&Product) -> Vec<Uuid>| -> (Vec<Uuid>, Vec<Uuid>) {
        products.iter().flat_map(|product| pick(product).into_iter().map(|id| (product.id.uuid(), id))).unzip()
    };
    let (owners, categories) = pairs(|product| uuids(&product.category_ids));
    product_category_set(tx, &ids, &owners, &categories).await?;
    let (owners, channels) = pairs(|product| uuids(&product.channel_ids));
    product_channel_set(tx, &ids, &owners, &channels).await
}

async fn product_rows_write(tx: &mut TenantTx, products: &[&Product]) -> sqlx::Result<()> {
    let rows: Vec<ProductRow<'_>> = products
        .iter()
        .map(|product| ProductRow {
            id: product.id.uuid(),
            product_type_id: product.product_type_id.map(ProductTypeId::uuid),
            external_id: product.external_id.as_ref().map(ExternalId::as_str),
            title: product.title.as_str(),
            title_key: product.title.to_lowercase(),
            description: product.description.as_str(),
            status: product.status.as_str(),
            requires_shipping: product.requires_shipping,
            options: &product.options,
            attributes: &product.attributes,
            media: &product.media,
            metadata: &product.metadata,
            list_json: product.list_members(),
            version: product.version,
            created_at: product.created_at,
            updated_at: product.updated_at,
        })
        .collect();
    sqlx::query!(
        "insert into product (tenant_id, id, product_type_id, external_id, title, title_key, description, status,
             requires_shipping, options, attributes, media, metadata, list_json, version, created_at, updated_at)
         select $1, id, product_type_id, external_id, title, title_key, description, status, requires_shipping, options,
             attributes, media, metadata, list_json, version, created_at, updated_at
         from jsonb_to_recordset($2) as r(id uuid, product_type_id uuid, external_id text, title text, title_key text,
             description text, status text, requires_shipping boolean, options jsonb, attributes jsonb, media jsonb,
             metadata jsonb, list_json text, version bigint, created_at timestamptz, updated_at timestamptz)
         on conflict (tenant_id, id) do update set product_type_id = excluded.product_type_id,
             external_id = excluded.external_id, title = excluded.title, title_key = excluded.title_key,
             description = excluded.description, status = excluded.status,
             requires_shipping = excluded.requires_shipping, options = excluded.options, attributes = excluded.attributes,
             media = excluded.media, metadata = excluded.metadata, list_json = excluded.list_json,
             version = excluded.version, updated_at = excluded.updated_at",
        tx.tenant().uuid(),
        Json(rows) as _,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

#[derive(Serialize)]
struct VariantRow<'a> {
    id: Uuid,
    product_id: Uuid,
    position: i32,
    status: &'static str,
    sku: &'a str,
    barcode: Option<&'a str>,
    external_id: Option<&'a str>,
    option_values: Vec<String>,
    weight_grams: i64,
    tax_class_id: Option<Uuid>,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The option values of an archived variant stay as they were when it was active.
async fn variant_rows_write(tx: &mut TenantTx, products: &[&Product]) -> sqlx::Result<()> {
    let mut rows: Vec<VariantRow<'_>> = products
        .iter()
        .flat_map(|product| product.variants.iter().map(move |variant| (product, variant)))
        .map(|(product, variant)| VariantRow {
            id: variant.id.uuid(),
            product_id: product.id.uuid(),
            position: variant.position,
            status: variant.status.as_str(),
            sku: variant.sku.as_str(),
            barcode: variant.barcode.as_ref().map(Barcode::as_str),
            external_id: variant.external_id.as_ref().map(ExternalId::as_str),
            option_values: values_in_order(&product.options, &variant.options),
            weight_grams: variant.weight_grams.get(),
            tax_class_id: variant.tax_class_id.map(TaxClassId::uuid),
            metadata: &variant.metadata,
            created_at: variant.created_at,
            updated_at: variant.updated_at,
        })
        .collect();
    // Two writers of the same new SKUs lock them in the same order.
    rows.sort_by(|one, other| one.sku.cmp(other.sku));
    sqlx::query!(
        "insert into variant (tenant_id, id, product_id, position, status, sku, barcode, external_id, option_values,
             weight_grams, tax_class_id, metadata, created_at, updated_at)
         select $1, id, product_id, position, status, sku, barcode, external_id, option_values, weight_grams, tax_class_id,
             metadata, created_at, updated_at
         from jsonb_to_recordset($2) as r(id uuid, product_id uuid, position integer, status text, sku text, barcode text,
             external_id text, option_values text[], weight_grams bigint, tax_class_id uuid, metadata jsonb,
             created_at timestamptz, updated_at timestamptz)
         on conflict (tenant_id, id) do update set position = excluded.position, status = excluded.status,
             sku = excluded.sku, barcode = excluded.barcode, external_id = excluded.external_id,
             option_values = case when variant.status = 'archived' then variant.option_values else excluded.option_values end,
             weight_grams = excluded.weight_grams, tax_class_id = excluded.tax_class_id, metadata = excluded.metadata,
             updated_at = excluded.updated_at
         where (variant.position, variant.status, variant.sku, variant.barcode, variant.external_id, variant.option_values,
                 variant.weight_grams, variant.tax_class_id, variant.metadata)
             is distinct from (excluded.position, excluded.status, excluded.sku, excluded.barcode, excluded.external_id,
                 excluded.option_values, excluded.weight_grams, excluded.tax_class_id, excluded.metadata)",
        tx.tenant().uuid(),
        Json(rows) as _,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Raises the versions of products whose positions in collections changed.
pub(crate) async fn product_touch(conn: &mut PgConnection, products: &[ProductId], now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!("update product set version = version + 1, updated_at = $2 where id = any($1)", &uuids(products), now,)
        .execute(conn)
        .await
        .map(drop)
}

/// The products with any of these external ids, SKUs or external ids of variants; only active variants count.
pub(crate) async fn product_find(
    conn: &mut PgConnection,
    external_ids: &[String],
    skus: &[String],
    variant_external_ids: &[String],
) -> sqlx::Result<Vec<ProductId>> {
    sqlx::query_scalar!(
        r#"select id as "id!: ProductId" from product where external_id = any($1)
           union
           select product_id from variant where sku = any($2) and status = 'active'
           union
           select product_id from variant where external_id = any($3) and status = 'active'"#,
        external_ids,
        skus,
        variant_external_ids,
    )
    .fetch_all(conn)
    .await
}

/// Products of all tenants, for the export.
pub(crate) async fn product_export(
    conn: &mut PgConnection,
    page: ExportPage<ProductId>,
) -> sqlx::Result<Vec<(TenantId, Product)>> {
    let keys = product_ids(conn, After::of_export(page), page.limit).await?;
    let ids: Vec<ProductId> = keys.iter().map(|(_, id)| *id).collect();
    let mut products: HashMap<_, _> = product_load(conn, &ids).await?.into_iter().map(|product| (product.id, product)).collect();
    Ok(keys.into_iter().filter_map(|(tenant, id)| Some((tenant, products.remove(&id)?))).collect())
}
