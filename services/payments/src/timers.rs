//! Timers: ask about open outcomes, carry out voids that waited.

use bloom_events::timer::TimerHandler;
use bloom_fault::Fault;
use bloom_runtime::Call;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use crate::Payments;
use crate::payment::{RESOLVE, ResolveAttempt, VOID, resolve, void_waiting};

/// Asks about open outcomes.
pub(crate) struct Resolve(pub(crate) Payments);

impl TimerHandler for Resolve {
    fn kind(&self) -> &'static str {
        RESOLVE
    }

    fn fire<'a>(&'a self, call: &'a Call, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let ResolveAttempt { attempt } = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            resolve(&self.0, call, key.parse().map_err(Fault::internal)?, attempt).await
        })
    }
}

/// Carries out voids that waited.
pub(crate) struct Void(pub(crate) Payments);

impl TimerHandler for Void {
    fn kind(&self) -> &'static str {
        VOID
    }

    fn fire<'a>(&'a self, call: &'a Call, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { void_waiting(&self.0, call, key.parse().map_err(Fault::internal)?).await })
    }
}
