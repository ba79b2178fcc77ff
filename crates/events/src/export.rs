//! Export of a service's current state, for consumers that start or replay.

use bloom_db::SystemTx;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use futures::future::BoxFuture;
use serde::Serialize;

/// The current state of one aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRecord {
    /// Its environment.
    pub tenant: TenantId,
    /// Kind of the event that a change would publish, without prefix: `product.updated`.
    pub kind: &'static str,
    /// The same text as in its events.
    pub aggregate: String,
    /// Its version.
    pub version: i64,
    /// The same document as in its events.
    pub data_json: String,
}

impl StateRecord {
    /// Creates the state record of an aggregate.
    pub fn new(
        tenant: TenantId,
        kind: &'static str,
        aggregate: impl Into<String>,
        version: i64,
        data: &impl Serialize,
    ) -> Result<Self, Fault> {
        let data_json = serde_json::to_string(data).map_err(Fault::internal)?;
        Ok(Self { tenant, kind, aggregate: aggregate.into(), version, data_json })
    }
}

/// The last record of the previous page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its aggregate.
    pub aggregate: String,
}

/// Reads the state of one kind of aggregate.
pub trait Export: Send + Sync {
    /// The kind of its records, for example `product.updated`.
    fn kind(&self) -> &'static str;

    /// The next records of all tenants after `after`, ordered by tenant and aggregate. Fewer than `limit` means the
    /// end.
    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>>;
}

/// Encodes an export's progress: the number of the [`Export`] and the last record sent.
pub(crate) fn cursor(export: usize, record: &StateRecord) -> String {
    format!("{export}/{}/{}", record.tenant, record.aggregate)
}

/// Parses the output of [`cursor`]; an empty text means the beginning.
pub(crate) fn parse_cursor(text: &str) -> Result<(usize, Option<After>), Fault> {
    if text.is_empty() {
        return Ok((0, None));
    }
    let bad = || Fault::invalid("/after", "cursor", "This is not a cursor of an export.");
    let mut parts = text.splitn(3, '/');
    let (export, tenant, aggregate) = (parts.next(), parts.next(), parts.next());
    let export = export.and_then(|export| export.parse().ok()).ok_or_else(bad)?;
    let tenant = tenant.and_then(|tenant| tenant.parse().ok()).ok_or_else(bad)?;
    Ok((export, Some(After { tenant, aggregate: aggregate.ok_or_else(bad)?.to_owned() })))
}
