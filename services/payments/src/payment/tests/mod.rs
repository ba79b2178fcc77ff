//! Tests of payments.

mod guards;
mod lifecycle;
mod random;
mod rest;
mod settlement;
