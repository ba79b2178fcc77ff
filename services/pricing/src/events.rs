//! Publishing an aggregate's event in the transaction of its change.

use std::fmt::Display;

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::{Call, TenantTx};
use serde::Serialize;

use crate::Pricing;

/// Publishes one event; it leaves the service when the transaction commits.
pub(crate) async fn publish_event<T: Serialize + Sync>(
    app: &Pricing,
    tx: &mut TenantTx,
    call: &Call,
    kind: &'static str,
    (aggregate, version): (impl Display, i64),
    data: &T,
) -> Result<(), Fault> {
    let draft = Draft { kind, aggregate: aggregate.to_string(), version, data, causation: None };
    publish(tx, &app.host, call, draft).await
}
