//! SQL, one statement a function, named `noun_verb`. Row-level security adds the tenant to every condition.

pub mod category;
pub mod channel;
pub mod collection;
pub mod heard;
pub mod import;
pub mod list;
pub mod listing;
pub mod product;
pub mod product_type;
pub mod sellable;

use uuid::Uuid;

/// Typed ids as the database knows them.
pub fn uuids<T: Copy + Into<Uuid>>(ids: &[T]) -> Vec<Uuid> {
    ids.iter().map(|id| (*id).into()).collect()
}
