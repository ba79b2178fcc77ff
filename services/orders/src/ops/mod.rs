//! One use case a file, read top to bottom.

pub mod cancel_checkout;
pub mod cancel_order;
pub mod capture_payment;
pub mod expire_order;
pub mod fulfil_order;
pub mod list_orders;
pub mod read_checkout;
pub mod read_order;
pub mod refund_order;
pub mod run_operation;
pub mod save_order;
pub mod start_checkout;
pub mod sync_payment;
pub mod update_order;
pub mod update_settings;
