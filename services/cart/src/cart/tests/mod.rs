//! Tests of carts.

mod access;
mod change;
mod checkout;
mod create;
mod expire;
mod input;
mod model;
