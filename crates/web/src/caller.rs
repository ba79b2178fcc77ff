//! Extractor for the permission that a handler requires.

use std::marker::PhantomData;
use std::ops::Deref;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::FromRequestParts;
use bloom_fault::{Code, Fault};
pub use bloom_fleet::Permission;
use http::request::Parts;

use bloom_runtime::RequestContext;

/// The verified context of a request whose caller holds permission `P`. A handler without this extractor cannot reach a
/// tenant's data, because nothing else provides a [`RequestContext`].
pub struct Caller<P> {
    call: RequestContext,
    permission: PhantomData<fn() -> P>,
}

impl<P> Deref for Caller<P> {
    type Target = RequestContext;
    fn deref(&self) -> &RequestContext {
        &self.call
    }
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for Caller<P> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let call = parts.extensions.get::<RequestContext>().cloned().ok_or_else(|| {
            Fault::new(
                Code::Unauthenticated,
                "context_missing",
                "This request carries no valid context. Services answer requests that come through the gateway.",
            )
        })?;
        call.require(P::NAME)?;
        Ok(Self { call, permission: PhantomData })
    }
}

/// OpenAPI extension that names an operation's permission: the table of routes and permissions is built from it.
pub const PERMISSION: &str = "x-permission";

impl<P: Permission> OperationInput for Caller<P> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        crate::openapi::begin(ctx);
        operation.extensions.insert(PERMISSION.to_owned(), P::NAME.into());
    }
}

/// Declares permissions: `permissions! { CatalogRead = "catalog:read", CatalogWrite = "catalog:write" }`.
#[macro_export]
macro_rules! permissions {
    ($($name:ident = $text:literal),+ $(,)?) => {
        $(
            #[doc = concat!("Permission `", $text, "`.")]
            pub struct $name;
            impl $crate::Permission for $name {
                const NAME: &'static str = $text;
            }
        )+
    };
}
