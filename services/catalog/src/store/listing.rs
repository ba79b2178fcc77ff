//! Writing the listing projection. What it must hold is defined once, by the functions `listing_rows` and
//! `listing_entries` of the database.

use bloom_kernel::{CategoryId, LocationId, ProductId, TenantId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::uuids;

fn topology(tenant: TenantId) -> String {
    format!("catalog.topology:{}", tenant.uuid())
}

/// Taken before product rows are locked by whoever refreshes listings, so that channels, locations and the category tree
/// stand still meanwhile. Also tells the planner, for this transaction, that every statement goes by an index: the
/// tables of a new tenant look empty to it until they are first analysed.
pub async fn topology_share(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended($1, 0)), set_config('enable_seqscan', 'off', true)",
        topology(tenant),
    )
    .fetch_one(conn)
    .await
    .map(drop)
}

/// Taken by whoever changes channels, locations or the category tree.
pub async fn topology_change(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0)), set_config('enable_seqscan', 'off', true)",
        topology(tenant),
    )
    .fetch_one(conn)
    .await
    .map(drop)
}

/// Brings the listings of locked products in line with their sources.
pub async fn listing_refresh(conn: &mut PgConnection, products: &[ProductId]) -> sqlx::Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    let products = uuids(products);
    listing_write(conn, &products).await?;
    listing_entry_write(conn, &products).await
}

/// The same when only stock has changed: nothing that lists are ordered by.
pub async fn listing_refresh_stock(conn: &mut PgConnection, products: &[ProductId]) -> sqlx::Result<()> {
    if products.is_empty() { Ok(()) } else { listing_write(conn, &uuids(products)).await }
}

async fn listing_write(conn: &mut PgConnection, products: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into listing (tenant_id, channel_id, product_id, state, price_amount, available, doc)
         select tenant_id, channel_id, product_id, state, price_amount, available, doc from listing_rows($1)
         on conflict (tenant_id, product_id, channel_id) do update set state = excluded.state,
             price_amount = excluded.price_amount, available = excluded.available, doc = excluded.doc
         where (listing.state, listing.price_amount, listing.available, listing.doc)
             is distinct from (excluded.state, excluded.price_amount, excluded.available, excluded.doc)",
        products,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn listing_entry_write(conn: &mut PgConnection, products: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "with fresh as materialized (select * from listing_entries($1)),
         gone as (
             delete from listing_entry e where e.product_id = any($1) and not exists (
                 select from fresh f where f.product_id = e.product_id and f.channel_id = e.channel_id
                     and f.state = e.state and f.scope_id = e.scope_id))
         insert into listing_entry (tenant_id, channel_id, state, scope_id, product_id, title_key, price_key, position)
         select tenant_id, channel_id, state, scope_id, product_id, title_key, price_key, position from fresh
         on conflict (tenant_id, channel_id, state, scope_id, product_id) do update set title_key = excluded.title_key,
             price_key = excluded.price_key, position = excluded.position
         where (listing_entry.title_key, listing_entry.price_key, listing_entry.position)
             is distinct from (excluded.title_key, excluded.price_key, excluded.position)",
        products,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Products in the categories at and below one, after an id.
pub async fn category_products(
    conn: &mut PgConnection,
    category: CategoryId,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<ProductId>> {
    sqlx::query_scalar!(
        r#"select distinct pc.product_id as "id: ProductId"
           from product_category pc
           join category c on c.tenant_id = pc.tenant_id and c.id = pc.category_id
           where $1 = any(c.path) and pc.product_id > $2
           order by 1 limit $3"#,
        category.uuid(),
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Variants with stock records at a location and their products, after a variant.
pub async fn location_variants(
    conn: &mut PgConnection,
    location: LocationId,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<(VariantId, ProductId)>> {
    let rows = sqlx::query!(
        r#"select s.variant_id as "variant: VariantId", v.product_id as "product: ProductId"
           from variant_stock s
           join variant v on v.tenant_id = s.tenant_id and v.id = s.variant_id
           where s.location_id = $1 and s.variant_id > $2
           order by s.variant_id limit $3"#,
        location.uuid(),
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.variant, row.product)).collect())
}

/// The products of variants.
pub async fn variant_products(conn: &mut PgConnection, variants: &[Uuid]) -> sqlx::Result<Vec<ProductId>> {
    sqlx::query_scalar!(r#"select distinct product_id as "id: ProductId" from variant where id = any($1)"#, variants,)
        .fetch_all(conn)
        .await
}

/// Where the projection differs from its sources among these products of any tenant: a few words for each place.
pub async fn listing_differences(conn: &mut PgConnection, products: &[Uuid]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select format('tenant %s product %s channel %s: %s', coalesce(w.tenant_id, h.tenant_id),
               coalesce(w.product_id, h.product_id), coalesce(w.channel_id, h.channel_id),
               case when h.doc is null then 'listing missing' when w.doc is null then 'listing left over'
                    else 'listing holds ' || h.doc || ', sources say ' || w.doc end) as "words!"
           from (select * from listing_rows($1)) w
           full join (select * from listing where product_id = any($1)) h
               on h.tenant_id = w.tenant_id and h.product_id = w.product_id and h.channel_id = w.channel_id
           where (w.state, w.price_amount, w.available, w.doc) is distinct from (h.state, h.price_amount, h.available, h.doc)
           union all
           select format('tenant %s product %s channel %s scope %s: entry %s', coalesce(w.tenant_id, h.tenant_id),
               coalesce(w.product_id, h.product_id), coalesce(w.channel_id, h.channel_id), coalesce(w.scope_id, h.scope_id),
               case when h.product_id is null then 'missing' when w.product_id is null then 'left over' else 'differs' end)
           from (select * from listing_entries($1)) w
           full join (select * from listing_entry where product_id = any($1)) h
               on h.tenant_id = w.tenant_id and h.channel_id = w.channel_id and h.state = w.state
               and h.scope_id = w.scope_id and h.product_id = w.product_id
           where w.product_id is null or h.product_id is null
               or (w.title_key, w.price_key, w.position) is distinct from (h.title_key, h.price_key, h.position)
           limit 20"#,
        products,
    )
    .fetch_all(conn)
    .await
}

/// Listings of products that do not exist.
pub async fn listing_orphans(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select format('tenant %s product %s: a listing without a product', l.tenant_id, l.product_id) as "words!"
           from (select tenant_id, product_id from listing union select tenant_id, product_id from listing_entry) l
           where not exists (select from product p where p.tenant_id = l.tenant_id and p.id = l.product_id)
           limit 20"#,
    )
    .fetch_all(conn)
    .await
}
