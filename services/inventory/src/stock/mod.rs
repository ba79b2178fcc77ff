//! Stock of a variant over its locations: availability, bulk counts, and published events.

mod availability;
mod model;
mod publisher;
mod set;
mod store;

pub(crate) use availability::{Availability, availability};
pub(crate) use publisher::{ChangedTenants, publish_stock};
pub(crate) use set::{ROWS_MAX, StockRow, set_stock};
pub(crate) use store::stock_export;
#[cfg(test)]
pub(crate) use store::{stock_of, stock_take_changed};
