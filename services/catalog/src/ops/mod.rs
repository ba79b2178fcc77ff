//! One use case a file, read top to bottom; each owns its transaction.

pub mod archive_product;
pub mod create_category;
pub mod create_channel;
pub mod create_collection;
pub mod create_product;
pub mod create_product_type;
pub mod create_variant;
pub mod delete_category;
pub mod delete_collection;
pub mod import;
pub mod known;
pub mod list_products;
pub mod place_products;
pub mod read_product;
pub mod refresh_scope;
pub mod save_product;
pub mod update_category;
pub mod update_channel;
pub mod update_collection;
pub mod update_product;
pub mod update_product_type;
pub mod update_variant;
