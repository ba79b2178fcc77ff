//! Publishes stock. Stock changes too often for one event per change. Each change marks its variant in the same commit, and the
//! publisher then publishes the present state of all marked variants together.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_runtime::{RequestContext, StartError};
use tokio::sync::Notify;

use super::model::PublishedStock;
use super::store::{by_variant, stock_changed_tenants, stock_of, stock_take_changed};
use crate::Inventory;

/// Changes of one item within this time are published as one event.
const COALESCE: Duration = Duration::from_millis(50);
/// Interval at which marks are polled: another process, or a process that was killed, may have left some.
const SWEEP: Duration = Duration::from_secs(1);
/// The number of variants published in one transaction.
const BATCH: i64 = 500;

/// Tenants whose stock this process has changed and not yet published.
#[derive(Default)]
pub struct ChangedTenants {
    tenants: Mutex<BTreeSet<TenantId>>,
    wake: Notify,
}

impl ChangedTenants {
    /// Adds a tenant after a commit.
    pub fn add(&self, tenant: TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut self.tenants.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Publishes `stock.updated` for changed variants until shutdown. The first change of an idle item is published at once; changes
/// within [`COALESCE`] after it are published together. A change that is not published keeps its mark.
pub async fn publish_stock(app: Inventory) -> Result<(), StartError> {
    let mut sweep_timer = tokio::time::interval(SWEEP);
    sweep_timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let outcome = tokio::select! {
            () = app.context.shutdown.cancelled() => return Ok(()),
            () = app.changed_tenants.wake.notified() => publish(&app, app.changed_tenants.take()).await,
            _ = sweep_timer.tick() => sweep(&app).await,
        };
        if let Err(fault) = outcome {
            tracing::warn!(cause = fault.chain(), "stock events wait for the next sweep");
        }
        tokio::time::sleep(COALESCE).await;
    }
}

async fn sweep(app: &Inventory) -> Result<(), Fault> {
    let mut tx = app.db.system().await?;
    let tenants = stock_changed_tenants(&mut tx).await?;
    tx.commit().await?;
    publish(app, tenants.into_iter().collect()).await
}

async fn publish(app: &Inventory, tenants: BTreeSet<TenantId>) -> Result<(), Fault> {
    for tenant in tenants {
        while publish_batch(app, tenant).await? == BATCH {}
    }
    Ok(())
}

/// Publishes a batch of a tenant's changed variants and removes their marks in one commit; returns the number of variants.
async fn publish_batch(app: &Inventory, tenant: TenantId) -> Result<i64, Fault> {
    let context = RequestContext::background(crate::NAME, tenant, &format!("service:{}", crate::NAME));
    app.db
        .transaction(&context, async |tx| {
            let now = tx.now();
            let versions = stock_take_changed(tx, tenant, now, BATCH).await?;
            let variants: Vec<_> = versions.iter().map(|(variant, _)| variant.uuid()).collect();
            for stock in by_variant(stock_of(tx, tenant, &variants, now).await?) {
                let version = versions.iter().find(|(variant, _)| *variant == stock.variant_id);
                if let Some((_, version)) = version {
                    tx.publish(&PublishedStock { stock, version: *version });
                }
            }
            Ok(i64::try_from(versions.len()).unwrap_or(BATCH))
        })
        .await
}
