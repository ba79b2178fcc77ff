//! Holds: stock reserved for a limited time. A hold is placed, extended, released, committed or expires.

mod allocate;
mod commit;
mod expire;
mod extend;
mod model;
mod place;
mod release;
mod routes;
mod store;
mod variant_locks;

pub(crate) use commit::commit;
pub(crate) use expire::expire;
pub(crate) use extend::extend_in;
pub(crate) use model::{HOLD_EXPIRE, Hold, HoldLine, HoldLineCreate, HoldRequest, HoldStatus};
pub(crate) use place::hold;
pub(crate) use release::release_or_forbid;
pub(crate) use routes::routes;
pub(crate) use store::hold_export;
pub(crate) use variant_locks::VariantLocks;

#[cfg(test)]
pub(crate) use allocate::{Demand, Share, allocate};
#[cfg(test)]
pub(crate) use model::Ending;
#[cfg(test)]
pub(crate) use store::{hold_end, hold_extend, hold_get, hold_insert, hold_list, hold_lock, stock_lock};
