//! The locks behind the projection. Every transaction takes them in this order: the topology (shared to write products,
//! exclusive to change channels, locations or the category tree), then product rows by id.

use bloom_db::TenantTx;
use bloom_kernel::{ProductId, TenantId};
use sqlx::PgConnection;

use crate::keyset::uuids;

fn topology_key(tenant: TenantId) -> String {
    format!("catalog.topology:{}", tenant.uuid())
}

/// Locks the topology for a transaction that refreshes listings: channels, locations and the category tree cannot change
/// meanwhile. Also makes the planner use generic plans in this transaction: planning `listing_rows` for each length of its
/// array takes longer than running it.
pub(crate) async fn topology_share(tx: &mut TenantTx) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended($1, 0)), set_config('plan_cache_mode', 'force_generic_plan', true)",
        topology_key(tx.tenant()),
    )
    .fetch_one(&mut **tx)
    .await
    .map(drop)
}

/// Locks the topology for a transaction that changes channels, locations or the category tree.
pub(crate) async fn topology_change(tx: &mut TenantTx) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0)), set_config('plan_cache_mode', 'force_generic_plan', true)",
        topology_key(tx.tenant()),
    )
    .fetch_one(&mut **tx)
    .await
    .map(drop)
}

/// Locks products, in the order of their ids; returns those that exist.
pub(crate) async fn product_lock(conn: &mut PgConnection, ids: &[ProductId]) -> sqlx::Result<Vec<ProductId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ProductId" from product where id = any($1) order by id for no key update"#,
        &uuids(ids),
    )
    .fetch_all(conn)
    .await
}
