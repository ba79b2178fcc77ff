//! What inventory publishes.
//!
//! Locations and holds publish with their change. Stock changes too often for that: a change leaves a mark on its
//! variant, in the same commit, and [`StockPublisher`] publishes the present state of marked variants together.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bloom_db::TenantTx;
use bloom_db::Writer;
use bloom_events::{Draft, TimerHandler, publish, publish_many};
use bloom_fault::Fault;
use bloom_kernel::{HoldId, TenantId};
use bloom_runtime::{RequestContext, StartError};
use futures::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::Inventory;
use crate::domain::hold::{Hold, HoldStatus};
use crate::domain::location::Location;
use crate::ops::expire_hold::expire_hold;
use crate::store::stock;

/// Changes of one item within this time become one event.
const COALESCE: Duration = Duration::from_millis(50);
/// Marks are looked for this often even when nobody says that there are any: others may have left them, or a kill.
const SWEEP: Duration = Duration::from_secs(1);
/// Variants published in one transaction.
const BATCH: i64 = 500;

/// Timer that ends a hold; its key is the hold's id.
pub const HOLD_EXPIRY: &str = "hold.expire";

/// Publishes a new or changed location.
pub async fn location_changed(
    app: &Inventory,
    tx: &mut TenantTx,
    call: &RequestContext,
    location: &Location,
) -> Result<(), Fault> {
    let kind = if location.version == 1 { "location.created" } else { "location.updated" };
    let aggregate = location.id.to_string();
    publish(tx, &app.host, call, Draft { kind, aggregate, version: location.version, data: location, causation: None }).await
}

/// Publishes a hold that has just become what it is.
pub async fn hold_changed(app: &Inventory, tx: &mut impl Writer, call: &RequestContext, hold: &Hold) -> Result<(), Fault> {
    let (kind, aggregate) = (hold_kind(hold), hold.id.to_string());
    publish(tx, &app.host, call, Draft { kind, aggregate, version: hold.version, data: hold, causation: None }).await
}

/// The event that a hold's latest change caused.
pub fn hold_kind(hold: &Hold) -> &'static str {
    match hold.status {
        HoldStatus::Active if hold.version == 1 => "hold.created",
        HoldStatus::Active => "hold.extended",
        HoldStatus::Released => "hold.released",
        HoldStatus::Expired => "hold.expired",
        HoldStatus::Committed => "hold.committed",
    }
}

/// Ends holds whose time is over.
pub struct HoldExpiry(pub Inventory);

impl TimerHandler for HoldExpiry {
    fn kind(&self) -> &'static str {
        HOLD_EXPIRY
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let id: HoldId = key.parse().map_err(Fault::internal)?;
            expire_hold(&self.0, call, id).await
        })
    }
}

/// Which tenants have marked variants, as far as this process knows.
#[derive(Default)]
pub struct Marks {
    tenants: Mutex<BTreeSet<TenantId>>,
    wake: Notify,
}

impl Marks {
    /// Says that a commit has left marks.
    pub fn left(&self, tenant: TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut self.tenants.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Publishes `stock.updated` for marked variants: the first change of a quiet item at once, those that follow within
/// [`COALESCE`] together.
pub struct StockPublisher(pub Inventory);

impl StockPublisher {
    /// Runs until shutdown. What is not published by then has its mark.
    pub async fn run(self) -> Result<(), StartError> {
        let Self(app) = &self;
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let outcome = tokio::select! {
                () = app.host.shutdown.cancelled() => return Ok(()),
                () = app.marks.wake.notified() => self.publish(app.marks.take()).await,
                _ = sweep.tick() => self.sweep().await,
            };
            if let Err(fault) = outcome {
                tracing::warn!(cause = fault.chain(), "stock events wait for the next sweep");
            }
            tokio::time::sleep(COALESCE).await;
        }
    }

    async fn sweep(&self) -> Result<(), Fault> {
        let mut tx = self.0.db.system().await?;
        let tenants = stock::stock_changed_tenants(&mut tx).await?;
        tx.commit().await?;
        self.publish(tenants.into_iter().collect()).await
    }

    async fn publish(&self, tenants: BTreeSet<TenantId>) -> Result<(), Fault> {
        for tenant in tenants {
            while self.publish_batch(tenant).await? == BATCH {}
        }
        Ok(())
    }

    /// Publishes some marked variants of a tenant and removes their marks, in one commit; their number.
    async fn publish_batch(&self, tenant: TenantId) -> Result<i64, Fault> {
        let Self(app) = self;
        let call = RequestContext::background(crate::NAME, tenant, &format!("service:{}", crate::NAME));
        let now = app.host.now(tenant);
        let mut tx = app.db.write(&call).await?;
        let versions = stock::stock_take_changed(&mut tx, tenant, now, BATCH).await?;
        if versions.is_empty() {
            return Ok(0);
        }
        let variants: Vec<_> = versions.iter().map(|(variant, _)| variant.uuid()).collect();
        let stocks = stock::by_variant(stock::stock_of(&mut tx, tenant, &variants, now).await?);
        let drafts: Vec<Draft<'_>> = stocks
            .iter()
            .filter_map(|state| {
                let (_, version) = versions.iter().find(|(variant, _)| *variant == state.variant_id)?;
                let aggregate = state.variant_id.to_string();
                Some(Draft { kind: "stock.updated", aggregate, version: *version, data: state, causation: None })
            })
            .collect();
        publish_many(&mut tx, &app.host, &call, drafts).await?;
        tx.commit().await?;
        Ok(i64::try_from(versions.len()).unwrap_or(BATCH))
    }
}
