//! The invariants of this service: published prices equal the prices that a quote would give.

use bloom_fault::Fault;
use bloom_kernel::{TenantId, VariantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Pricing;
use crate::variant_price::{prices_at, variant_prices_after};

/// The most violations that a check reports.
const BREACHES_MAX: usize = 100;
/// Variants that are calculated at a time.
const BATCH: i64 = 500;

/// Variants that have a price but no row for their published price.
pub async fn unlisted_prices(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select distinct format('tenant %s, variant %s: a price and no published price', p.tenant_id, p.variant_id) as "detail!"
           from price p left join variant_price v on v.tenant_id = p.tenant_id and v.variant_id = p.variant_id
           where v.variant_id is null limit 100"#,
    )
    .fetch_all(conn)
    .await
}

/// Variants whose published prices do not follow from the present lists, taxes and channels. There are none unless a pass is running,
/// and a drained fleet runs none.
pub async fn outdated_prices(app: &Pricing, conn: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let mut breaches = Vec::new();
    let mut next = tenant_after(conn, None).await?;
    while let Some(tenant) = next.filter(|_| breaches.len() < BREACHES_MAX) {
        outdated_prices_of(app, tenant, &mut breaches).await?;
        next = tenant_after(conn, Some(tenant)).await?;
    }
    breaches.truncate(BREACHES_MAX);
    Ok(breaches)
}

async fn outdated_prices_of(app: &Pricing, tenant: TenantId, breaches: &mut Vec<String>) -> Result<(), Fault> {
    let mut conn = app.db.read(tenant).await?;
    let now = app.context.now(tenant);
    let mut after = None;
    loop {
        let rows = variant_prices_after(&mut conn, after, BATCH).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.variant_id);
        let variants: Vec<VariantId> = rows.iter().map(|row| row.variant_id).collect();
        let current = prices_at(app, &mut conn, tenant, now, &variants).await?;
        let outdated = rows.iter().filter(|row| {
            let prices = current.get(&row.variant_id).map_or(&[][..], Vec::as_slice);
            row.differs_from(prices)
        });
        breaches.extend(outdated.map(|row| format!("{tenant}: {} was published with other prices than it has", row.variant_id)));
        if BREACHES_MAX <= breaches.len() {
            return Ok(());
        }
    }
}

/// The next tenant by id that has published prices.
async fn tenant_after(conn: &mut PgConnection, after: Option<TenantId>) -> sqlx::Result<Option<TenantId>> {
    sqlx::query_scalar!(
        r#"select tenant_id as "id: TenantId" from variant_price where tenant_id > $1 order by tenant_id limit 1"#,
        after.map_or(Uuid::nil(), TenantId::uuid),
    )
    .fetch_optional(conn)
    .await
}
