//! The REST surface under `/v1/identity`, one file a resource.

pub mod account;
pub mod api_keys;
pub mod environments;

use aide::axum::ApiRouter;

use crate::Identity;

bloom_web::permissions! {
    IdentityRead = "identity:read",
    IdentityWrite = "identity:write",
}

/// All routes.
pub fn routes() -> ApiRouter<Identity> {
    ApiRouter::new().merge(account::routes()).merge(environments::routes()).merge(api_keys::routes())
}
