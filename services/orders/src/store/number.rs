//! Order numbers.

use bloom_fault::Fault;
use bloom_kernel::TenantId;
use sqlx::PgConnection;

/// The first number of every tenant.
const FIRST: i64 = 1001;

/// Takes a block of so many numbers; answers its first.
pub async fn number_block(connection: &mut PgConnection, tenant: TenantId, size: i64) -> Result<i64, Fault> {
    let first = sqlx::query_scalar!(
        r#"insert into order_number (tenant_id, next) values ($1, $2::bigint + $3::bigint)
           on conflict (tenant_id) do update set next = order_number.next + $3
           returning next - $3 as "first!""#,
        tenant.uuid(),
        FIRST,
        size,
    )
    .fetch_one(connection)
    .await?;
    Ok(first)
}
