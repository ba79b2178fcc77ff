//! What can be done with stock: one use case a file, each in one transaction.

pub mod adjust_stock;
pub mod commit_hold;
pub mod create_item;
pub mod create_location;
pub mod expire_hold;
pub mod extend_hold;
pub mod hold_stock;
pub mod move_allocation;
pub mod read_availability;
pub mod release_hold;
pub mod set_stock;
pub mod update_item;
pub mod update_location;
