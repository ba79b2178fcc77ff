//! Order numbers: a process takes blocks of them in transactions of their own, so that no order waits for the number of
//! another. What a block has left when its process ends is never used.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_runtime::RequestContext;

use crate::store::number::number_block;

/// Numbers taken at a time.
const BLOCK: i64 = 50;

/// The blocks of this process.
#[derive(Default)]
pub struct Numbers(Mutex<HashMap<TenantId, Range<i64>>>);

impl Numbers {
    /// The next number of the tenant.
    pub async fn next(&self, db: &Db, call: &RequestContext) -> Result<i64, Fault> {
        if let Some(number) = self.take(call.tenant) {
            return Ok(number);
        }
        let mut tx = db.write(call).await?;
        let first = number_block(&mut tx, call.tenant, BLOCK).await?;
        tx.commit().await?;
        // Two requests may take a block each at the same time: the later one replaces the rest of the earlier.
        self.blocks().insert(call.tenant, first + 1..first + BLOCK);
        Ok(first)
    }

    fn take(&self, tenant: TenantId) -> Option<i64> {
        self.blocks().get_mut(&tenant)?.next()
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Range<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
