//! Journals: the double-entry ledger, read only. `/v1/payments/journals` and `/v1/payments/{payment_id}/journal`.

mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use routes::routes;
