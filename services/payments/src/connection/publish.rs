//! The events of connections.

use bloom_events::{Draft, publish_many};
use bloom_fault::Fault;
use bloom_runtime::{Call, Host, TenantTx};

use super::model::ConnectionDto;

const CONNECTION_CREATED: &str = "connection.created";
pub(crate) const CONNECTION_UPDATED: &str = "connection.updated";

/// Publishes connections in their current versions: to make one the default changes another.
pub(crate) async fn publish_connections(
    tx: &mut TenantTx,
    host: &Host,
    call: &Call,
    connections: &[&ConnectionDto],
) -> Result<(), Fault> {
    let drafts: Vec<Draft<'_>> = connections
        .iter()
        .map(|connection| Draft {
            kind: if connection.version == 1 { CONNECTION_CREATED } else { CONNECTION_UPDATED },
            aggregate: connection.id.to_string(),
            version: connection.version,
            data: *connection,
            causation: None,
        })
        .collect();
    publish_many(tx, host, call, drafts).await
}
