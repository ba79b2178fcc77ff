//! An orders service beside all the real services that a purchase needs, each on a PostgreSQL schema of its own, with a
//! payment provider over HTTP; time stands in the test's hand.

mod aftersales;
mod checkout;
mod domain;
mod given_up;
mod lists;
mod payment;
mod races;
mod rows;
mod shipments;
mod stage;
mod steps;
