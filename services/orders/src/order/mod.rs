//! Orders: what was bought, its payment, its fulfilments and its refunds. One aggregate, always read and written whole under its row
//! lock.
//!
//! | file | what it does |
//! |---|---|
//! | `model` | the order and its rules: what is left to ship, capture and refund; pure |
//! | `routes`, `timeline`, `cancel`, `capture`, `refund`, `fulfil` | the operations of the API |
//! | `expire` | ends an unpaid order |
//! | `ending` | operations of an order that ends |
//! | `run`, `settle` | calls other services for the order, and applies their answers to it |
//! | `save` | a version, a timeline entry and an event for every change |

mod cancel;
mod capture;
mod ending;
mod expire;
mod fulfil;
mod model;
mod number;
mod payment;
mod read;
mod refund;
mod routes;
mod run;
mod save;
mod settle;
mod store;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use cancel::cancel_for_shortfall;
pub(crate) use expire::{TIMER as EXPIRY_TIMER, expire};
pub(crate) use fulfil::routes as fulfilment_routes;
pub(crate) use model::{
    Allocation, Fulfilment, FulfilmentStatus, Order, OrderDelivery, OrderLine, OrderPayment, OrderPaymentStatus, OrderStatus,
};
pub(crate) use number::OrderNumberAllocator;
pub(crate) use payment::update_payment;
pub(crate) use read::read_order;
pub(crate) use routes::routes;
pub(crate) use run::resume_operation;
pub(crate) use save::{Change, lock_order, save};
#[cfg(test)]
pub(crate) use store::order_get;
pub(crate) use store::{OrderDocument, PERSONAL, order_export, orders_lock_by_checkout};
