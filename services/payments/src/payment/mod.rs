//! Payments: what a checkout pays, and every operation on its money. `/v1/payments`, `/v1/payments/{payment_id}/…`, and the
//! gRPC calls of orders.
//!
//! No transaction is open during a request to the provider. Every movement of money has the same steps: record the operation and
//! reserve its amount, commit, send the request, settle the reply, commit. `resolve` finds interrupted operations.

mod authorise;
mod body;
mod confirm;
mod execute;
mod model;
mod movement;
mod refusal;
mod resolve;
mod return_payer;
mod return_url;
mod routes;
mod schedule;
mod settle;
mod settlement;
mod store;
#[cfg(test)]
mod tests;
mod void;

pub(crate) use authorise::{Authorise, authorise};
pub(crate) use model::{Payment, PaymentStatus};
pub(crate) use movement::{Amount, Movement, move_money};
pub(crate) use resolve::resolve;
pub(crate) use routes::{browser_routes, routes};
#[cfg(test)]
pub(crate) use schedule::resolve_at;
pub(crate) use schedule::{RESOLVE, VOID};
pub(crate) use settle::apply;
pub(crate) use settlement::Outcome;
pub(crate) use store::{payment_export, payment_get};
pub(crate) use void::{void_or_block, void_waiting};
