//! SQL of the categories, channels and collections that products are in.

use bloom_db::TenantTx;
use bloom_kernel::{CollectionId, ProductId};
use sqlx::PgConnection;
use uuid::Uuid;

/// Sets the categories of products; `owners` and `categories` are pairs.
pub(crate) async fn product_category_set(
    tx: &mut TenantTx,
    products: &[Uuid],
    owners: &[Uuid],
    categories: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!(
        "with wanted as (select * from unnest($3::uuid[], $4::uuid[]) as w(product_id, category_id)),
         gone as (
             delete from product_category pc where pc.product_id = any($2) and not exists (
                 select from wanted w where w.product_id = pc.product_id and w.category_id = pc.category_id))
         insert into product_category (tenant_id, product_id, category_id)
         select $1, product_id, category_id from wanted on conflict do nothing",
        tx.tenant().uuid(),
        products,
        owners,
        categories,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Sets the publication of products; `owners` and `channels` are pairs.
pub(crate) async fn product_channel_set(
    tx: &mut TenantTx,
    products: &[Uuid],
    owners: &[Uuid],
    channels: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!(
        "with wanted as (select * from unnest($3::uuid[], $4::uuid[]) as w(product_id, channel_id)),
         gone as (
             delete from product_channel pc where pc.product_id = any($2) and not exists (
                 select from wanted w where w.product_id = pc.product_id and w.channel_id = pc.channel_id))
         insert into product_channel (tenant_id, product_id, channel_id)
         select $1, product_id, channel_id from wanted on conflict do nothing",
        tx.tenant().uuid(),
        products,
        owners,
        channels,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Puts products into a collection, or moves them in it.
pub(crate) async fn product_collection_put(
    tx: &mut TenantTx,
    collection: CollectionId,
    products: &[Uuid],
    positions: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into product_collection (tenant_id, product_id, collection_id, position)
         select $1, product_id, $2, position from unnest($3::uuid[], $4::int8[]) as w(product_id, position)
         on conflict (tenant_id, product_id, collection_id) do update set position = excluded.position",
        tx.tenant().uuid(),
        collection.uuid(),
        products,
        positions,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Takes a product out of a collection. False when it was not in it.
pub(crate) async fn product_collection_remove(
    conn: &mut PgConnection,
    collection: CollectionId,
    product: ProductId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from product_collection where collection_id = $1 and product_id = $2",
        collection.uuid(),
        product.uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
