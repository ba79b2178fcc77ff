//! SQL of the projection. What it must hold is defined once, by the function `listing_rows` of the database.

use bloom_kernel::{CategoryId, ChannelId, LocationId, ProductId, TenantId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::keyset::{After, uuids};

/// Rewrites the listings of locked products from their sources.
pub(crate) async fn listing_refresh(conn: &mut PgConnection, products: &[ProductId]) -> sqlx::Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "with fresh as materialized (select * from listing_rows($1)),
         gone as (
             delete from listing_entry e
             using (select tenant_id, channel_id, state, product_id, unnest(scopes) as scope_id
                    from listing where product_id = any($1)) old
             where e.tenant_id = old.tenant_id and e.channel_id = old.channel_id and e.state = old.state
                 and e.scope_id = old.scope_id and e.product_id = old.product_id
                 and not exists (
                     select from fresh f where f.product_id = old.product_id and f.channel_id = old.channel_id
                         and f.state = old.state and old.scope_id = any (f.scopes))),
         entered as (
             insert into listing_entry (tenant_id, channel_id, state, scope_id, product_id, title_key, price_key, position)
             select f.tenant_id, f.channel_id, f.state, s.id, f.product_id, f.title_key,
                 coalesce(f.price_amount, 9223372036854775807), s.position
             from fresh f cross join unnest(f.scopes, f.positions) as s(id, position)
             on conflict (tenant_id, channel_id, state, scope_id, product_id) do update
                 set title_key = excluded.title_key, price_key = excluded.price_key, position = excluded.position
             where (listing_entry.title_key, listing_entry.price_key, listing_entry.position)
                 is distinct from (excluded.title_key, excluded.price_key, excluded.position))
         insert into listing (tenant_id, channel_id, product_id, state, price_amount, available, scopes, doc)
         select tenant_id, channel_id, product_id, state, price_amount, available, scopes, doc from fresh
         on conflict (tenant_id, product_id, channel_id) do update set state = excluded.state,
             price_amount = excluded.price_amount, available = excluded.available, scopes = excluded.scopes,
             doc = excluded.doc
         where (listing.state, listing.price_amount, listing.available, listing.scopes, listing.doc)
             is distinct from (excluded.state, excluded.price_amount, excluded.available, excluded.scopes, excluded.doc)",
        &uuids(products),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The same after a change of stock only, which no list is ordered by.
pub(crate) async fn listing_refresh_stock(conn: &mut PgConnection, products: &[ProductId]) -> sqlx::Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update listing l set available = f.available, doc = f.doc
         from listing_rows($1) f
         where l.tenant_id = f.tenant_id and l.product_id = f.product_id and l.channel_id = f.channel_id
             and (l.available, l.doc) is distinct from (f.available, f.doc)",
        &uuids(products),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Products in a category or below it, after an id.
pub(crate) async fn category_products(
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

/// Variants with stock rows at a location and their products, after a variant.
pub(crate) async fn location_variants(
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
pub(crate) async fn variant_products(conn: &mut PgConnection, variants: &[Uuid]) -> sqlx::Result<Vec<ProductId>> {
    sqlx::query_scalar!(r#"select distinct product_id as "id: ProductId" from variant where id = any($1)"#, variants,)
        .fetch_all(conn)
        .await
}

/// Differences between the projection of these products (of any tenants) and its sources, one sentence each.
pub(crate) async fn listing_differences(conn: &mut PgConnection, products: &[Uuid]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"with fresh as materialized (select * from listing_rows($1))
           select format('tenant %s product %s channel %s: the listing holds %s, its sources say %s',
               f.tenant_id, f.product_id, f.channel_id, coalesce(l.doc, 'nothing'), f.doc) as "words!"
           from fresh f
           left join listing l
               on l.tenant_id = f.tenant_id and l.product_id = f.product_id and l.channel_id = f.channel_id
           where (l.state, l.price_amount, l.available, l.scopes, l.doc)
               is distinct from (f.state, f.price_amount, f.available, f.scopes, f.doc)
           union all
           select format('tenant %s product %s channel %s scope %s: the entry is missing or stands elsewhere',
               f.tenant_id, f.product_id, f.channel_id, s.id)
           from fresh f
           cross join unnest(f.scopes, f.positions) as s(id, position)
           left join listing_entry e
               on e.tenant_id = f.tenant_id and e.channel_id = f.channel_id and e.state = f.state
               and e.scope_id = s.id and e.product_id = f.product_id
           where e.product_id is null or (e.title_key, e.price_key, e.position)
               is distinct from (f.title_key, coalesce(f.price_amount, 9223372036854775807), s.position)
           limit 20"#,
        products,
    )
    .fetch_all(conn)
    .await
}

/// Listings without a product, and entries without a listing.
pub(crate) async fn listing_orphans(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select format('tenant %s product %s: a listing without a product', l.tenant_id, l.product_id) as "words!"
           from listing l
           where not exists (select from product p where p.tenant_id = l.tenant_id and p.id = l.product_id)
           union all
           select format('tenant %s product %s channel %s scope %s: an entry without a listing',
               e.tenant_id, e.product_id, e.channel_id, e.scope_id)
           from listing_entry e
           left join listing l
               on l.tenant_id = e.tenant_id and l.product_id = e.product_id and l.channel_id = e.channel_id
           where l.product_id is null or l.state <> e.state or e.scope_id <> all (l.scopes)
           limit 20"#,
    )
    .fetch_all(conn)
    .await
}

/// The finished list item of a product in a channel.
pub(crate) async fn listing_doc(conn: &mut PgConnection, channel: ChannelId, product: ProductId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select doc from listing where channel_id = $1 and product_id = $2", channel.uuid(), product.uuid(),)
        .fetch_optional(conn)
        .await
}

/// Tenants and ids of products after a position, by tenant and creation.
pub(crate) async fn product_ids(conn: &mut PgConnection, after: After, limit: i64) -> sqlx::Result<Vec<(TenantId, ProductId)>> {
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id as "id: ProductId"
           from product where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        after.tenant.uuid(),
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.id)).collect())
}

/// How many listings a product has: one in each channel.
pub(super) async fn listings_per_product(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from channel"#).fetch_one(conn).await
}
