//! What a cart needs to know of variants, read in one statement.

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, ProductId, TaxClassId, TenantId, VariantId};
use uuid::Uuid;

/// What a cart needs to know of a variant.
#[derive(Debug)]
pub(crate) struct SellableRow {
    pub(crate) variant_id: VariantId,
    pub(crate) product_id: ProductId,
    pub(crate) sku: String,
    /// Title of the product.
    pub(crate) title: String,
    /// Option values in the product's order.
    pub(crate) option_values: Vec<String>,
    pub(crate) tax_class_id: Option<TaxClassId>,
    pub(crate) weight_grams: i64,
    /// Whether variant and product are active and the product is published in the channel.
    pub(crate) published: bool,
    pub(crate) requires_shipping: bool,
    /// Version of the product.
    pub(crate) version: i64,
}

/// Those of these variants that exist. The planner does not look into a sub-select, so one plan serves any number of variants:
/// planning takes longer than running.
pub(crate) async fn sellable_list(
    db: &Db,
    tenant: TenantId,
    channel: ChannelId,
    variants: &[Uuid],
) -> Result<Vec<SellableRow>, Fault> {
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
