//! Tests of orders.

mod cancel;
mod capture;
mod fulfil;
mod list;
mod paid;
mod random;
mod refund;
mod rules;
mod sample;
