//! Price lists: the terms that many prices share.

mod dates;
mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use dates::{DATE_REACHED, date_reached};
pub(crate) use model::{PriceList, PriceListStatus};
pub(crate) use routes::routes;
pub(crate) use store::{PriceListKey, price_list_export, price_list_get, price_list_insert, price_list_keys};
