//! Authorisations: created as their token says, decided later by time or by the payer on the issuer's page.

mod create;
mod decide;
mod issuer_page;
mod model;
mod routes;
mod store;

pub(crate) use decide::{Verdict, decide};
pub(crate) use routes::routes;
pub(crate) use store::{authorisation_lock, authorisation_update, authorisations_differ};
