//! Inventory: where stock lies, who holds it, what may be sold.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | levels, allocation over locations, holds, kinds of movements: pure |
//! | [`ops`] | one use case a file, each in one transaction |
//! | [`store`] | SQL, and the order of locks |
//! | [`turns`] | where buyers of one variant wait |
//! | [`http`] | `/v1/inventory/{locations,items,movements,holds,adjustments}` |
//! | [`grpc`] | what catalog, cart and orders ask; [`convert`] reads their messages |
//! | [`events`] | what is published, and how changes of stock are coalesced |
//! | [`platform`] | exported state and proven invariants |
//!
//! What is absent, and kept so by the database itself: a level that anything but a movement has written, a movement
//! that changed, a promise beyond what is there and may be back-ordered, a hold that ended twice.

pub mod convert;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod http;
pub mod ops;
pub mod platform;
pub mod store;
pub mod turns;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_inventory::inventory_server::InventoryServer;
use bloom_db::Db;
use bloom_events::{Bus, Events, TimerHandler};
use bloom_runtime::{ServiceContext, Task};
use bloom_web::Definition;
use bloom_web::Service;
use bloom_web::page::Cursors;
use sqlx::migrate::Migrator;
use tonic::service::Routes;

use crate::events::{HoldExpiry, Marks, StockPublisher};
use crate::turns::Turns;

/// The service's name.
pub const NAME: &str = "inventory";

/// The service's migrations.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/inventory");

/// What every handler and operation is handed. Cheap to clone.
#[derive(Clone)]
pub struct Inventory {
    /// The service's database.
    pub db: Db,
    /// Time, ids, keys.
    pub host: ServiceContext,
    /// Cursors of lists.
    pub cursors: Arc<Cursors>,
    /// Which tenants have unpublished changes of stock.
    pub marks: Arc<Marks>,
    /// Where buyers of one variant wait.
    pub turns: Arc<Turns>,
}

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    constraints: &[],
    settings: std::convert::identity,
    start: |start| Ok(service(start.context, start.db, start.bus)),
};

/// Puts the service together.
pub fn service(host: ServiceContext, db: Db, bus: Bus) -> Service {
    let app = Inventory {
        db: db.clone(),
        host: host.clone(),
        cursors: Arc::new(Cursors::new(&host)),
        marks: Arc::default(),
        turns: Arc::default(),
    };
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .timers([Arc::new(HoldExpiry(app.clone())) as Arc<dyn TimerHandler>])
        .exports(platform::exports(&host))
        .checks(platform::checks());
    let mut service = Service::new(NAME, host, db, http::routes(app.clone()));
    service.grpc = Routes::new(InventoryServer::new(grpc::Grpc(app.clone()))).add_service(events.platform());
    service.tasks = events.tasks();
    service.tasks.push(Task::new("stock", StockPublisher(app).run()));
    service
}
