//! Checkouts: one attempt to buy a cart, as its buyer sees it. The row is also the state of the saga that drives it
//! (`crate::checkout_saga`), and the idempotency record of `POST /v1/checkouts`.

mod cancel;
mod model;
mod routes;
mod secrets;
mod store;
mod sync_payment;
#[cfg(test)]
mod tests;
mod transition;

pub(crate) use model::{Checkout, CheckoutAction, CheckoutStatus};
pub(crate) use routes::routes;
pub(crate) use secrets::{CheckoutSecrets, open, seal};
pub(crate) use store::{
    CheckoutRecord, checkout_by_key, checkout_delete, checkout_export, checkout_fail, checkout_get, checkout_insert,
    checkout_purge, checkout_replace_hold, checkout_settle, checkout_wait, checkouts_unfinished,
};
pub(crate) use sync_payment::{TIMER as PAYMENT_TIMER, sync_payment, sync_payment_soon};
pub(crate) use transition::{TIMER, compensate};
