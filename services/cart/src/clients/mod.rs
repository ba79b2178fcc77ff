//! Clients of the services that cart calls, with replies in the types of this service.

mod catalog;
mod inventory;
mod pricing;

pub(crate) use catalog::{CatalogAnswer, Sellable, check_channel, from_catalog};
pub(crate) use inventory::available_units;
pub(crate) use pricing::{Quote, check_tax_class, quote};
