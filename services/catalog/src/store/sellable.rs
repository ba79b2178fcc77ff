//! What other services and expanded reads ask of variants and listings.

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, ProductId, TaxClassId, TenantId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

/// What is needed to put a variant into a cart.
#[derive(Debug)]
pub struct SellableRow {
    /// The variant.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// Its SKU.
    pub sku: String,
    /// Title of the product.
    pub title: String,
    /// Option values in the product's order.
    pub option_values: Vec<String>,
    /// Its tax class.
    pub tax_class_id: Option<TaxClassId>,
    /// Its weight.
    pub weight_grams: i64,
    /// Whether variant and product are active and the product is published in the channel.
    pub published: bool,
    /// Whether it is sent.
    pub requires_shipping: bool,
    /// Version of the product.
    pub version: i64,
}

/// The known ones among these variants. The planner does not look into a sub-select, so one plan serves any number of
/// them: to plan it anew takes longer than to run it.
pub async fn sellable_list(db: &Db, tenant: TenantId, channel: ChannelId, variants: &[Uuid]) -> Result<Vec<SellableRow>, Fault> {
    db.read_once(|connection| {
        let rows = sqlx::query_as!(
            SellableRow,
            r#"select variant_id as "variant_id!: VariantId", product_id as "product_id!: ProductId", sku as "sku!", title as "title!",
                      option_values as "option_values!", tax_class_id as "tax_class_id: TaxClassId", weight_grams as "weight_grams!",
                      requires_shipping as "requires_shipping!", version as "version!", published as "published!"
               from (select set_config('bloom.tenant', $3, false)::uuid as id offset 0) tenant, lateral (
                   select v.id as variant_id, p.id as product_id, v.sku, p.title, v.option_values, v.tax_class_id, v.weight_grams,
                          p.requires_shipping, p.version,
                          v.status = 'active' and p.status = 'active' and exists (
                              select from product_channel pc
                              where pc.tenant_id = p.tenant_id and pc.product_id = p.id and pc.channel_id = $1) as published
                   from variant v
                   join product p on p.tenant_id = v.tenant_id and p.id = v.product_id
                   where v.tenant_id = tenant.id and v.id = any((select $2::uuid[])::uuid[])
                   offset 0
               ) sellable"#,
            channel.uuid(),
            variants,
            tenant.uuid().to_string(),
        );
        Box::pin(rows.fetch_all(connection))
    })
    .await
}

/// The finished list item of a product in a channel.
pub async fn listing_doc(conn: &mut PgConnection, channel: ChannelId, product: ProductId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select doc from listing where channel_id = $1 and product_id = $2", channel.uuid(), product.uuid(),)
        .fetch_optional(conn)
        .await
}

/// Price and stock of one variant in a channel.
#[derive(Debug)]
pub struct VariantFacts {
    /// The variant.
    pub variant_id: VariantId,
    /// Price of one unit now, in the channel's currency.
    pub price_amount: Option<i64>,
    /// Units over the channel's locations.
    pub available: i64,
    /// First location of the channel with stock.
    pub warehouse: Option<String>,
}

/// Price and stock of a product's active variants in a channel.
pub async fn variant_facts(conn: &mut PgConnection, channel: ChannelId, product: ProductId) -> sqlx::Result<Vec<VariantFacts>> {
    sqlx::query_as!(
        VariantFacts,
        r#"select v.id as "variant_id: VariantId", vp.price_amount as "price_amount?",
               coalesce(stock.available, 0)::bigint as "available!", stock.warehouse
           from variant v
           join channel c on c.tenant_id = v.tenant_id and c.id = $1
           left join variant_price vp on vp.tenant_id = v.tenant_id and vp.variant_id = v.id and vp.channel_id = c.id
               and vp.currency = c.currency
           left join lateral (
               select sum(greatest(s.available, 0)) as available,
                   (array_agg(l.code order by array_position(c.location_ids, l.id), l.priority, l.code)
                       filter (where s.available > 0))[1] as warehouse
               from variant_stock s
               join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
               where s.tenant_id = v.tenant_id and s.variant_id = v.id
                   and l.active and (c.location_ids = '{}' or l.id = any (c.location_ids))
           ) stock on true
           where v.product_id = $2 and v.status = 'active'"#,
        channel.uuid(),
        product.uuid(),
    )
    .fetch_all(conn)
    .await
}
