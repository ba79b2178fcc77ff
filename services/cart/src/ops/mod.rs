//! One use case a file, read top to bottom.

pub mod change_cart;
pub mod complete_cart;
pub mod create_cart;
pub mod expire_cart;
pub mod freeze_cart;
pub mod price_cart;
pub mod read_cart;
pub mod save_delivery_option;
pub mod unfreeze_cart;
