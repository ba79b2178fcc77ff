//! The calculation by itself, and quotes through REST.

pub(crate) mod builders;
mod calculation;
mod plan;
mod rest;

pub(crate) use super::calculate::calculate;
