//! What a cart is and what may happen to it. Nothing here is async, speaks SQL or asks for the time.

pub mod address;
pub mod card;
pub mod cart;
pub mod delivery;
pub mod patch;
pub mod pricing;
pub mod problem;
