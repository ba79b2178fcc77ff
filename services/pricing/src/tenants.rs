//! The tenants that have rows in this service.

use bloom_kernel::TenantId;
use bloom_runtime::SystemTx;
use uuid::Uuid;

/// The next tenant by id that has any row.
pub(crate) async fn tenant_after(tx: &mut SystemTx, after: Option<TenantId>) -> sqlx::Result<Option<TenantId>> {
    sqlx::query_scalar!(
        r#"select tenant_id as "id!: TenantId" from (
             (select tenant_id from settings where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from price_list where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from tax_class where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from tax_zone where tenant_id > $1 order by tenant_id limit 1)
             union all (select tenant_id from variant_price where tenant_id > $1 order by tenant_id limit 1)
           ) found order by tenant_id limit 1"#,
        after.map_or(Uuid::nil(), TenantId::uuid),
    )
    .fetch_optional(&mut **tx)
    .await
}
