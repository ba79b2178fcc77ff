//! An event as it is sent, and a draft of one that is about to be written.

#[cfg(test)]
use std::fmt;

use bloom_fault::Fault;
use bloom_kernel::{EventId, TenantId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version of event documents that this fleet writes and reads. Adding fields does not raise it.
pub const SCHEMA_VERSION: i16 = 1;

/// One published event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Id of the event; the inbox uses it to discard duplicates.
    pub id: EventId,
    /// The environment in which it happened.
    pub tenant: TenantId,
    /// The service that published it.
    pub service: String,
    /// Full kind: `bloom.catalog.product.updated`.
    pub kind: String,
    /// The aggregate that changed. Tenant and aggregate form the key within which order is kept.
    pub aggregate: String,
    /// The aggregate's version after the change.
    pub version: i64,
    /// Who caused it.
    pub actor: String,
    /// Time of the change by the tenant's clock.
    pub occurred_at: Timestamp,
    /// Version of the document's shape.
    pub schema_version: i16,
    /// W3C traceparent of the work that caused it.
    pub trace: Option<String>,
    /// The event that caused this one.
    pub causation: Option<EventId>,
    /// The aggregate's state after the change, in its REST shape.
    pub data: Box<RawValue>,
}

impl Envelope {
    /// Parses the document into the consumer's type. If that fails, the event is parked.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(self.data.get()).map_err(|error| Fault::internal(Unreadable(self.kind.clone(), error)))
    }

    /// The kind without its prefix: `product.updated`.
    pub fn name(&self) -> &str {
        self.kind
            .strip_prefix("bloom.")
            .and_then(|rest| rest.strip_prefix(self.service.as_str()))
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(&self.kind)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the document of {0} does not have the expected shape")]
struct Unreadable(String, #[source] serde_json::Error);

/// The full kind of a service's event.
pub fn full_kind(service: &str, kind: &str) -> String {
    format!("bloom.{service}.{kind}")
}

#[cfg(test)]
/// What can be the document of an event: anything that serialises.
pub trait Data: Sync {
    /// Its JSON text.
    fn json(&self) -> Result<String, serde_json::Error>;
}

#[cfg(test)]
impl<T: Serialize + Sync + ?Sized> Data for T {
    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

#[cfg(test)]
/// An event about to be written with the change that it tells.
pub struct Draft<'a> {
    /// `<noun>.<verb>`, for example `product.updated`.
    pub kind: &'static str,
    /// Text of the aggregate's id, or of a composite key.
    pub aggregate: String,
    /// The aggregate's version after the change.
    pub version: i64,
    /// The aggregate in its REST shape: own fields only, no personal data.
    pub data: &'a dyn Data,
    /// The event that caused this one.
    pub causation: Option<EventId>,
}

#[cfg(test)]
impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} {} v{})", self.kind, self.aggregate, self.version)
    }
}
