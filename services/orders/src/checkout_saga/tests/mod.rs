//! Tests of the saga.

mod payment;
mod races;
mod start;
mod steps;
mod stock;
