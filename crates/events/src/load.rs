//! Loads the current state of a consumer's sources, before the consumer follows their events.

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{ExportStateRequest, StateRecord};
use bloom_fault::Fault;
use bloom_kernel::{EventId, TenantId};
use bloom_runtime::RequestContext;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::apply::Applier;
use crate::envelope::{Envelope, SCHEMA_VERSION, full_kind};
use crate::store::consumer::consumer_loading;

const PAGE: u32 = 1_000;

/// Loads everything; stops at the first fault and must then be started again.
pub(crate) async fn run(applier: &Applier) -> Result<(), Fault> {
    for service in applier.handler.topics() {
        let mut after = String::new();
        loop {
            let page = fetch(applier, service, after).await?;
            let full = page.len() == PAGE as usize;
            after = page.last().map(|record| record.cursor.clone()).unwrap_or_default();
            let count = page.len();
            let states = page.into_iter().map(|record| envelope(applier, service, record)).collect::<Result<Vec<_>, _>>()?;
            applier.load(states.into_iter().filter(|state| applier.handler.wants(&state.kind)).collect()).await?;
            tracing::info!(consumer = applier.reader.consumer, service, count, "state loaded");
            let mut tx = applier.db.system().await?;
            consumer_loading(&mut tx, applier.reader, 20.0).await?;
            tx.commit().await?;
            if !full {
                break;
            }
        }
    }
    Ok(())
}

async fn fetch(applier: &Applier, service: &str, after: String) -> Result<Vec<StateRecord>, Fault> {
    let no_tenant = TenantId::from_uuid(Uuid::nil());
    let call = RequestContext::background(applier.service, no_tenant, &format!("service:{}", applier.service));
    let request = ExportStateRequest { kinds: Vec::new(), after, limit: PAGE };
    let mut client = PlatformClient::new(applier.host.peers.get(service));
    let mut stream = client.export_state(applier.host.request(&call, request)).await?.into_inner();
    let mut records = Vec::new();
    while let Some(record) = stream.message().await? {
        records.push(record);
    }
    Ok(records)
}

/// Turns a state record into the event that would have published it.
fn envelope(applier: &Applier, service: &str, record: StateRecord) -> Result<Envelope, Fault> {
    Ok(Envelope {
        id: EventId::from_uuid(bloom_kernel::uuid_v7(applier.host.platform_now(), &*applier.host.entropy)),
        tenant: record.tenant_id.parse().map_err(Fault::internal)?,
        service: service.to_owned(),
        kind: full_kind(service, &record.kind),
        aggregate: record.aggregate,
        version: record.version,
        actor: format!("service:{service}"),
        occurred_at: applier.host.platform_now(),
        schema_version: SCHEMA_VERSION,
        trace: None,
        causation: None,
        data: RawValue::from_string(record.data_json).map_err(Fault::internal)?,
    })
}
