//! The provider's API and its pages.

mod account;
mod objects;
mod pages;

use axum::Router;

use crate::Sandbox;

pub(crate) fn routes(app: Sandbox) -> Router<()> {
    Router::new().merge(account::routes()).merge(objects::routes()).merge(pages::routes()).with_state(app)
}
