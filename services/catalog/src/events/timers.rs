//! Work that goes on after its transaction.

use std::sync::Arc;

use bloom_events::TimerHandler;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::Catalog;
use crate::ops::import;
use crate::ops::refresh_scope::{self, refresh_rest};

/// Every kind of timer of this service.
pub fn all(app: &Catalog) -> Vec<Arc<dyn TimerHandler>> {
    vec![Arc::new(Refresh(app.clone())), Arc::new(RunImport(app.clone())), Arc::new(ForgetImport(app.clone()))]
}

/// Listings that a change of many products has yet to reach.
struct Refresh(Catalog);

impl TimerHandler for Refresh {
    fn kind(&self) -> &'static str {
        refresh_scope::TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let rest = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            refresh_rest(&self.0.db, &self.0.host, call, key, rest).await?;
            self.0.freshness.changed(call.tenant);
            Ok(())
        })
    }
}

/// An import with lines to apply, or one whose upload may have broken off.
struct RunImport(Catalog);

impl TimerHandler for RunImport {
    fn kind(&self) -> &'static str {
        import::TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(import::run::run_import(&self.0, call, key))
    }
}

/// An import whose time to be kept is over.
struct ForgetImport(Catalog);

impl TimerHandler for ForgetImport {
    fn kind(&self) -> &'static str {
        import::FORGET_TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(import::run::forget_import(&self.0, call, key))
    }
}
