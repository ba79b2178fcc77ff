//! Timers: work that continues after its transaction.

use std::sync::Arc;

use bloom_events::TimerHandler;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::listing::refresh_remaining;
use crate::{Catalog, import, listing};

/// Every kind of timer of this service.
pub(crate) fn all(app: &Catalog) -> Vec<Arc<dyn TimerHandler>> {
    vec![Arc::new(RefreshListings(app.clone())), Arc::new(RunImport(app.clone())), Arc::new(DeleteImport(app.clone()))]
}

/// Refreshes the remaining listings after a change of many products.
struct RefreshListings(Catalog);

impl TimerHandler for RefreshListings {
    fn kind(&self) -> &'static str {
        listing::TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let remaining = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            refresh_remaining(&self.0.db, &self.0.host, call, key, remaining).await?;
            self.0.list_etags.invalidate(call.tenant);
            Ok(())
        })
    }
}

/// Works on an import, or ends one whose upload was interrupted.
struct RunImport(Catalog);

impl TimerHandler for RunImport {
    fn kind(&self) -> &'static str {
        import::TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(import::run_import(&self.0, call, key))
    }
}

/// Deletes an import after its retention.
struct DeleteImport(Catalog);

impl TimerHandler for DeleteImport {
    fn kind(&self) -> &'static str {
        import::DELETE_TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(import::delete_import(&self.0, call, key))
    }
}
