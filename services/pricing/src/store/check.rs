//! What must hold over all tenants.

use bloom_db::SystemTx;
use bloom_kernel::{TenantId, VariantId};

/// Variants that have a price and no listing row.
pub async fn variants_unlisted(tx: &mut SystemTx, limit: i64) -> Result<Vec<(TenantId, VariantId)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select distinct p.tenant_id as "tenant: TenantId", p.variant_id as "variant: VariantId"
           from price p left join variant_price v on v.tenant_id = p.tenant_id and v.variant_id = p.variant_id
           where v.variant_id is null limit $1"#,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant, row.variant)).collect())
}
