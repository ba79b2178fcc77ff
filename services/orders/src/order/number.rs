//! Order numbers. A process reserves blocks of numbers in separate transactions, so that no order waits for another one's number. The
//! rest of a block is lost when its process ends.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_runtime::RequestContext;
use sqlx::PgConnection;

/// Numbers in a block.
const BLOCK: i64 = 50;

/// The first number of every tenant.
const FIRST: i64 = 1001;

/// The blocks of this process.
#[derive(Default)]
pub struct OrderNumberAllocator(Mutex<HashMap<TenantId, Range<i64>>>);

impl OrderNumberAllocator {
    /// The next number of the tenant.
    pub async fn next(&self, db: &Db, context: &RequestContext) -> Result<i64, Fault> {
        if let Some(number) = self.take(context.tenant) {
            return Ok(number);
        }
        let mut tx = db.write(context).await?;
        let first = order_number_reserve(&mut tx, context.tenant, BLOCK).await?;
        tx.commit().await?;
        // Of two blocks that two requests reserve at the same time, the later one replaces the rest of the earlier one.
        self.blocks().insert(context.tenant, first + 1..first + BLOCK);
        Ok(first)
    }

    fn take(&self, tenant: TenantId) -> Option<i64> {
        self.blocks().get_mut(&tenant)?.next()
    }

    fn blocks(&self) -> MutexGuard<'_, HashMap<TenantId, Range<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reserves a block of numbers; answers its first.
async fn order_number_reserve(conn: &mut PgConnection, tenant: TenantId, size: i64) -> Result<i64, Fault> {
    let first = sqlx::query_scalar!(
        r#"insert into order_number (tenant_id, next) values ($1, $2::bigint + $3::bigint)
           on conflict (tenant_id) do update set next = order_number.next + $3
           returning next - $3 as "first!""#,
        tenant.uuid(),
        FIRST,
        size,
    )
    .fetch_one(conn)
    .await?;
    Ok(first)
}
