//! The order and its rules: pure, without database, network or clock.

mod derive;
mod ending;
mod fulfilment;
mod money;
mod order;
mod refund;
mod refunding;
mod shipping;
mod status;

#[cfg(test)]
pub(crate) use fulfilment::FulfilmentState;
pub(crate) use fulfilment::{Fulfilment, LineQuantity, Tracking};
pub(crate) use order::{Allocation, Order, OrderDelivery, OrderLine, OrderPayment, OrderUpdate};
#[cfg(test)]
pub(crate) use refund::share;
pub(crate) use refund::{Reason, Refund, RefundState, RefundWish};
pub(crate) use status::{FulfilmentStatus, OrderPaymentStatus, OrderStatus};
