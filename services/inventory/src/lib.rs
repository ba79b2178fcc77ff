//! Inventory: where units are, what is promised, and how stock changed.
//!
//! | folder | what it is |
//! |---|---|
//! | [`location`] | places with stock, in the order in which they serve |
//! | [`item`] | a variant at a location: units on hand, allocated, held, sellable |
//! | [`stock`] | a variant over its locations: sellable units, bulk counts, events |
//! | [`hold`] | stock reserved for a limited time: place, extend, release, commit, expire |
//! | [`allocation`] | an order's units: ship, release |
//! | [`adjustment`] | manual corrections of the units on hand |
//! | [`movement`] | the ledger; the only writer of levels |
//!
//! Absent by design, and prevented by the database: a level that changed without a movement, a changed movement, a promise beyond
//! stock and backorder limit, a hold that ended twice. Also absent: calls to other services.

mod adjustment;
mod allocation;
mod checks;
mod error;
mod grpc;
mod hold;
mod item;
mod location;
mod movement;
mod stock;
mod units;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_inventory::inventory_server::InventoryServer;
use bloom_db::{Db, TenantTx};
pub(crate) use bloom_fleet::permission::{InventoryRead, InventoryWrite};
use bloom_runtime::{ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

use crate::grpc::Grpc;
use crate::hold::VariantLocks;
use crate::stock::ChangedTenants;

/// The service's name.
pub const NAME: &str = "inventory";

/// The service's migrations.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/inventory");

/// How a process starts the service.
pub const SERVICE: Definition = Definition::new(NAME, &MIGRATIONS, error::CONSTRAINTS, start);

/// What every handler and operation receives. Cheap to clone.
#[derive(Clone)]
pub struct Inventory {
    db: Db,
    context: ServiceContext,
    changed_tenants: Arc<ChangedTenants>,
    variant_locks: Arc<VariantLocks>,
}

impl Inventory {
    /// Has stock events published after this transaction commits.
    fn stock_changed(&self, tx: &mut TenantTx) {
        let (changed, tenant) = (self.changed_tenants.clone(), tx.tenant());
        tx.after_commit(move || changed.add(tenant));
    }
}

fn start(start: Start) -> Result<Service, StartError> {
    let app = Inventory {
        db: start.db.clone(),
        context: start.context.clone(),
        changed_tenants: Arc::default(),
        variant_locks: Arc::default(),
    };
    Ok(start
        .service(app.clone())
        .routes([location::routes(), item::routes(), movement::routes(), adjustment::routes(), hold::routes()])
        .grpc(InventoryServer::new(Grpc(app.clone())))
        .timer(hold::HOLD_EXPIRE, hold::expire)
        .export(location::location_export)
        .export(stock::stock_export)
        .export(hold::hold_export)
        .check("levels_match_movements", checks::levels_differ)
        .check("promises_within_stock", checks::promises_exceed)
        .check("held_matches_holds", checks::held_differs)
        .check("holds_end_once", checks::ends_differ)
        .check("allocations_not_negative", checks::allocations_negative)
        .check("stock_published", checks::stock_long_unpublished)
        .task("stock", stock::publish_stock(app))
        .build())
}
