//! The platform RPCs that every service serves.

use std::sync::Arc;

use bloom_contract_platform as proto;
use bloom_contract_platform::platform_server::{Platform, PlatformServer};
use bloom_db::{Db, seal};
use bloom_fault::{Code, Fault};
use bloom_kernel::{EventId, SubjectId, TenantId};
use bloom_runtime::{RequestContext, ServiceContext, grpc};
use chrono::SecondsFormat;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use crate::apply::Applier;
use crate::check::{Check, brief};
use crate::consume::Sources;
use crate::envelope::Envelope;
use crate::export::{Export, cursor, parse_cursor};
use crate::park::{Which, unpark};
use crate::store::consumer::consumer_replay;
use crate::store::outbox::standing;
use crate::store::parked::{Listed, parked_count, parked_list};
use crate::store::unreadable::{Kept, Place, unreadable_count, unreadable_next};
use crate::unreadable::{self, Message};

/// State of a consumer as the RPCs need it.
pub(crate) struct ConsumerState {
    pub(crate) applier: Applier,
    pub(crate) sources: Sources,
    pub(crate) replay: Arc<Notify>,
}

/// Serves the RPCs for one service.
pub struct Server {
    pub(crate) service: &'static str,
    pub(crate) host: ServiceContext,
    pub(crate) db: Db,
    pub(crate) readings: Vec<ConsumerState>,
    pub(crate) exports: Vec<Arc<dyn Export>>,
    pub(crate) checks: Vec<Arc<dyn Check>>,
}

/// The gRPC service for the router.
pub type Service = PlatformServer<Server>;

const EXPORT_DEFAULT: u32 = 1_000;
const EXPORT_MOST: u32 = 10_000;

impl Server {
    pub(crate) async fn export(&self, request: proto::ExportStateRequest) -> Result<Vec<proto::StateRecord>, Fault> {
        let limit = if request.limit == 0 { EXPORT_DEFAULT } else { request.limit.min(EXPORT_MOST) } as usize;
        let (first, mut after) = parse_cursor(&request.after)?;
        let mut records = Vec::new();
        for (number, export) in self.exports.iter().enumerate().skip(first) {
            let wanted = request.kinds.is_empty() || request.kinds.iter().any(|kind| kind == export.kind());
            if !wanted {
                after = None;
                continue;
            }
            let mut tx = self.db.system().await?;
            let left = i64::try_from(limit - records.len()).unwrap_or_default();
            let page = export.page(&mut tx, after.take(), left).await?;
            tx.commit().await?;
            records.extend(page.into_iter().map(|record| proto::StateRecord {
                cursor: cursor(number, &record),
                tenant_id: record.tenant.to_string(),
                kind: record.kind.to_owned(),
                aggregate: record.aggregate,
                version: record.version,
                data_json: record.data_json,
            }));
            if records.len() >= limit {
                break;
            }
        }
        Ok(records)
    }

    pub(crate) async fn check_all(&self) -> Result<proto::CheckReply, Fault> {
        let mut reply = proto::CheckReply::default();
        for check in &self.checks {
            let mut tx = self.db.system().await?;
            let breaches = check.breaches(&mut tx).await?;
            tx.commit().await?;
            reply.checked.push(check.name().to_owned());
            reply.breaches.extend(
                breaches
                    .into_iter()
                    .map(|breach| proto::Breach { invariant: breach.invariant.to_owned(), detail: brief(&breach.detail) }),
            );
        }
        Ok(reply)
    }

    pub(crate) async fn standing(&self) -> Result<proto::DrainedReply, Fault> {
        let mut unread = 0;
        for reading in &self.readings {
            unread += reading.sources.lag().await?;
        }
        let mut tx = self.db.system().await?;
        let standing = standing(&mut tx, self.host.platform_now()).await?;
        let unreadable = unreadable_count(&mut tx, None).await?;
        tx.commit().await?;
        Ok(proto::DrainedReply {
            outbox: standing.outbox,
            lag: unread + standing.loading,
            parked: standing.parked + unreadable,
            timers_due: standing.timers_due,
            published: standing.published,
        })
    }

    fn reading(&self, consumer: &str) -> Result<&ConsumerState, Fault> {
        let reading = self.readings.iter().find(|reading| reading.applier.reader.consumer == consumer);
        reading.ok_or_else(|| {
            let known: Vec<_> = self.readings.iter().map(|reading| reading.applier.reader.consumer).collect();
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let detail = format!("{} has no consumer `{consumer}`; of its consumers there are: {there}.", self.service);
            Fault::new(Code::NotFound, "not_found", detail)
        })
    }

    pub(crate) async fn parked(&self, request: &proto::ListParkedRequest) -> Result<proto::ListParkedReply, Fault> {
        let limit = i64::from(if request.limit == 0 { 100 } else { request.limit.min(1_000) });
        let consumer = given(&request.consumer);
        if let Some(consumer) = consumer {
            self.reading(consumer)?;
        }
        let mut tx = self.db.system().await?;
        let events = parked_list(&mut tx, consumer, limit).await?;
        let (mut after, mut unreadable) = (Place::default(), Vec::new());
        for _ in 0..limit {
            let Some(kept) = unreadable_next(&mut tx, consumer, &after).await? else { break };
            unreadable.push(self.shown(&kept)?);
            after = kept.place;
        }
        tx.commit().await?;
        Ok(proto::ListParkedReply { events: events.into_iter().map(listed).collect(), unreadable })
    }

    fn shown(&self, kept: &Kept) -> Result<proto::UnreadableMessage, Fault> {
        let Message { attributes, payload, .. } = unreadable::opened(&self.host, kept)?;
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let headers = attributes.headers.into_iter().map(|(name, value)| brief(&format!("{name}: {}", text(value))));
        Ok(proto::UnreadableMessage {
            consumer: kept.place.consumer.clone(),
            topic: kept.place.topic.clone(),
            partition: kept.place.partition,
            offset: kept.place.offset,
            cause: kept.cause.clone(),
            parked_at: kept.parked_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            headers: headers.collect(),
            excerpt: brief(&text(payload)),
        })
    }

    pub(crate) async fn take_up(&self, request: proto::UnparkRequest) -> Result<proto::UnparkReply, Fault> {
        let reading = self.reading(&request.consumer)?;
        let tenant: Option<TenantId> = given(&request.tenant_id).map(|text| grpc::id(text, "environment")).transpose()?;
        let which =
            Which { tenant, aggregate: given(&request.aggregate).map(str::to_owned), transient: false, discard: request.discard };
        let all = which.tenant.is_none() && which.aggregate.is_none();
        let mut done = unpark(&reading.applier, &which).await?;
        if all {
            done += unreadable::take_up(&reading.applier, which.discard).await?;
        }
        tracing::info!(consumer = request.consumer, ?which, done, "parked events were redriven");
        let mut tx = self.db.system().await?;
        let consumer = reading.applier.reader.consumer;
        let left = parked_count(&mut tx, consumer).await? + unreadable_count(&mut tx, Some(consumer)).await?;
        tx.commit().await?;
        Ok(proto::UnparkReply { done: i64::try_from(done).unwrap_or(i64::MAX), left })
    }

    async fn begin_replay(&self, consumer: &str) -> Result<proto::ReplayReply, Fault> {
        let reading = self.reading(consumer)?;
        let mut tx = self.db.system().await?;
        let generation = consumer_replay(&mut tx, reading.applier.reader.consumer).await?;
        tx.commit().await?;
        let generation = generation.ok_or_else(|| Fault::not_found("consumer"))?;
        if let Sources::InProcess(logs) = &reading.sources {
            // The consumer counts as behind from now on, not only once it notices the replay.
            for (_, progress) in logs {
                progress.set(None);
            }
        }
        reading.replay.notify_one();
        tracing::info!(service = self.service, consumer, generation, "a replay was requested");
        Ok(proto::ReplayReply { generation })
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn listed(event: Listed) -> proto::ParkedEvent {
    let kind = serde_json::from_str::<Envelope>(&event.envelope).map(|envelope| envelope.kind).unwrap_or_default();
    proto::ParkedEvent {
        consumer: event.consumer,
        tenant_id: TenantId::from_uuid(event.tenant_id).to_string(),
        service: event.service,
        aggregate: event.aggregate,
        event_id: EventId::from_uuid(event.event_id).to_string(),
        kind,
        cause: event.cause.unwrap_or_default(),
        attempts: event.attempts,
        parked_at: event.parked_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        envelope_json: event.envelope,
    }
}

#[tonic::async_trait]
impl Platform for Server {
    type ExportStateStream = BoxStream<'static, Result<proto::StateRecord, Status>>;

    async fn export_state(
        &self,
        request: Request<proto::ExportStateRequest>,
    ) -> Result<Response<Self::ExportStateStream>, Status> {
        grpc::call(&request)?;
        let records = self.export(request.into_inner()).await?;
        Ok(Response::new(stream::iter(records.into_iter().map(Ok)).boxed()))
    }

    async fn erase_subject(
        &self,
        request: Request<proto::EraseSubjectRequest>,
    ) -> Result<Response<proto::EraseSubjectReply>, Status> {
        let call = grpc::call(&request)?;
        let request = request.into_inner();
        let tenant: TenantId = grpc::id(&request.tenant_id, "environment")?;
        let subject: SubjectId = grpc::id(&request.subject_id, "subject")?;
        let mut tx = self.db.write(&RequestContext { tenant, ..call }).await?;
        let erased = seal::erase(&mut tx, subject).await?;
        tx.commit().await?;
        Ok(Response::new(proto::EraseSubjectReply { erased }))
    }

    async fn check(&self, request: Request<proto::CheckRequest>) -> Result<Response<proto::CheckReply>, Status> {
        grpc::call(&request)?;
        Ok(Response::new(self.check_all().await?))
    }

    async fn drained(&self, request: Request<proto::DrainedRequest>) -> Result<Response<proto::DrainedReply>, Status> {
        grpc::call(&request)?;
        Ok(Response::new(self.standing().await?))
    }

    async fn list_parked(&self, request: Request<proto::ListParkedRequest>) -> Result<Response<proto::ListParkedReply>, Status> {
        grpc::call(&request)?;
        Ok(Response::new(self.parked(&request.into_inner()).await?))
    }

    async fn unpark(&self, request: Request<proto::UnparkRequest>) -> Result<Response<proto::UnparkReply>, Status> {
        grpc::call(&request)?;
        Ok(Response::new(self.take_up(request.into_inner()).await?))
    }

    async fn replay(&self, request: Request<proto::ReplayRequest>) -> Result<Response<proto::ReplayReply>, Status> {
        grpc::call(&request)?;
        Ok(Response::new(self.begin_replay(&request.into_inner().consumer).await?))
    }
}
