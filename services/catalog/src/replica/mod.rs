//! Copies of what pricing and inventory publish: prices, stock, locations and tax classes. The listing shows them; no
//! decision about money or stock is taken from them.

mod store;

pub(crate) use store::{
    LocationReplica, Prices, Stock, location_codes_find, location_find, location_insert_missing, location_upsert, price_replace,
    price_version_record, stock_replace, stock_version_record, tax_class_find, tax_class_insert, variant_replica_export,
};
