//! The Kafka bus: one topic per service, one consumer group per consumer and generation. Offsets are committed after
//! the database transaction; the inbox discards events that are delivered again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bloom_fault::Fault;
use bloom_runtime::StartError;
use futures::FutureExt as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::Instant;

use crate::apply::Applier;
use crate::bus::access::{Access, Refusal};
use crate::bus::cloud_event;
use crate::consume::{Consumer, FETCH_MAX};
use crate::envelope::Envelope;
use crate::store::inbox::ConsumerGeneration;
use crate::store::outbox::Logged;
use crate::unreadable::{self, Message};

/// Partitions of a topic. This never changes, because the order within a key depends on it.
const PARTITIONS: i32 = 24;
/// Maximum message size; `publish` refuses documents that would exceed it.
const MESSAGE_BYTES: &str = "8388608";
const TIMEOUT: Duration = Duration::from_secs(5);
/// Interval between checks whether the partitions of a new topic have leaders.
const LEADER_PAUSE: Duration = Duration::from_millis(20);
/// How long a batch waits for more messages after its first.
const GATHER: Duration = Duration::from_millis(4);
/// Interval between checks whether a replay was requested.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The connection to the brokers. Cheap to clone.
#[derive(Clone)]
pub struct Kafka {
    access: Arc<Access>,
    producer: FutureProducer<Refusal>,
    refusal: Refusal,
    /// Topics known to exist.
    topics: Arc<Mutex<HashSet<String>>>,
}

/// The topic of a service's events.
pub(crate) fn topic(service: &str) -> String {
    format!("bloom.{service}.v1")
}

impl Kafka {
    /// Creates a client that connects on first use.
    pub(crate) fn new(access: Access) -> Result<Self, StartError> {
        let refusal = Refusal::default();
        let producer = access
            .config()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "2")
            .set("compression.type", "lz4")
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", MESSAGE_BYTES)
            // Sends are retried without limit: giving up on one message would let later ones overtake it.
            .set("message.timeout.ms", "0")
            .create_with_context(refusal.clone())
            .map_err(|error| StartError::caused(format!("cannot create a Kafka client for `{}`", access.brokers), error))?;
        Ok(Self { access: Arc::new(access), producer, refusal, topics: Arc::default() })
    }

    /// Publishes events in order and returns when all in-sync replicas have acknowledged every one.
    pub(crate) async fn send(&self, service: &str, events: &[Logged]) -> Result<(), Fault> {
        let topic = topic(service);
        self.ensure(&topic).await?;
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let envelope = &event.envelope;
            let key = cloud_event::key(envelope);
            let record = FutureRecord::to(&topic).key(&key).payload(envelope.data.get()).headers(cloud_event::headers(envelope));
            sent.push(self.producer.send_result(record).map_err(|(error, _)| self.unavailable(error))?);
        }
        for delivery in sent {
            let outcome = delivery.await.map_err(|_| self.unavailable(KafkaError::Canceled))?;
            outcome.map_err(|(error, _)| self.unavailable(error))?;
        }
        self.refusal.settled();
        Ok(())
    }

    /// Creates the topic if it does not exist, and waits until every partition has a leader.
    async fn ensure(&self, topic: &str) -> Result<(), Fault> {
        if self.topics.lock().unwrap_or_else(PoisonError::into_inner).contains(topic) {
            return Ok(());
        }
        let admin = self.access.config().create_with_context(self.refusal.clone());
        let admin: AdminClient<Refusal> = admin.map_err(|error| self.unavailable(error))?;
        let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(-1)).set("max.message.bytes", MESSAGE_BYTES);
        let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
        for outcome in admin.create_topics(&[new], &options).await.map_err(|error| self.unavailable(error))? {
            match outcome {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(self.unavailable(KafkaError::AdminOp(code))),
            }
        }
        let until = Instant::now() + TIMEOUT;
        loop {
            let (producer, name) = (self.producer.clone(), topic.to_owned());
            if self.refusal.blocking(move || led(&producer, &name)).await? {
                break;
            }
            if until < Instant::now() {
                return Err(self.unavailable(KafkaError::MetadataFetch(RDKafkaErrorCode::LeaderNotAvailable)));
            }
            tokio::time::sleep(LEADER_PAUSE).await;
        }
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned());
        Ok(())
    }

    fn group_config(&self, reader: ConsumerGeneration) -> ClientConfig {
        let mut config = self.access.config();
        config
            .set("group.id", format!("{}.{}", reader.consumer, reader.generation))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "10000")
            .set("fetch.wait.max.ms", "500")
            .set("queued.max.messages.kbytes", "16384");
        config
    }
    /// Returns the received message, or `None` for errors that the client recovers from by itself, such as an
    /// unreachable broker.
    fn read<'m>(&self, received: Result<BorrowedMessage<'m>, KafkaError>) -> Result<Option<BorrowedMessage<'m>>, Fault> {
        match received {
            Ok(message) => Ok(Some(message)),
            Err(KafkaError::MessageConsumption(code)) => {
                tracing::debug!(?code, "the Kafka client recovers by itself");
                Ok(None)
            }
            Err(error) => Err(self.unavailable(error)),
        }
    }

    fn unavailable(&self, error: KafkaError) -> Fault {
        self.refusal.unavailable(error)
    }
}

/// A member of a consumer group.
type Member = StreamConsumer<Refusal>;

/// The consumer group of a consumer.
pub(crate) struct Group {
    topics: Vec<&'static str>,
    /// A separate connection for questions about the group while it is being followed: on the main connection they
    /// would wait behind a fetch.
    probe: Mutex<Option<Arc<BaseConsumer<Refusal>>>>,
}

impl Group {
    pub(crate) fn new(topics: &[&'static str]) -> Self {
        Self { topics: topics.to_vec(), probe: Mutex::default() }
    }

    fn probe(&self) -> MutexGuard<'_, Option<Arc<BaseConsumer<Refusal>>>> {
        self.probe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_partitions(&self) -> impl Iterator<Item = (String, i32)> {
        self.topics.iter().flat_map(|service| (0..PARTITIONS).map(move |partition| (topic(service), partition)))
    }

    /// Sets a new generation's offsets to the current ends; returns false when nothing was ever published.
    pub(crate) async fn start_at_heads(&self, kafka: &Kafka, reader: ConsumerGeneration) -> Result<bool, Fault> {
        for service in &self.topics {
            kafka.ensure(&topic(service)).await?;
        }
        let (config, refusal) = (kafka.group_config(reader), kafka.refusal.clone());
        let partitions: Vec<_> = self.all_partitions().collect();
        kafka
            .refusal
            .blocking(move || {
                let client: BaseConsumer<Refusal> = config.create_with_context(refusal)?;
                let mut offsets = TopicPartitionList::new();
                let mut published = false;
                for (topic, partition) in &partitions {
                    let (_, high) = client.fetch_watermarks(topic, *partition, TIMEOUT)?;
                    published |= high > 0;
                    offsets.add_partition_offset(topic, *partition, Offset::Offset(high))?;
                }
                client.commit(&offsets, CommitMode::Sync)?;
                Ok(published)
            })
            .await
    }

    /// Number of published events not yet applied and committed; 1 before the consumer has started.
    pub(crate) async fn lag(&self) -> Result<i64, Fault> {
        let Some(probe) = self.probe().clone() else { return Ok(1) };
        let partitions: Vec<_> = self.all_partitions().collect();
        let refusal = Refusal::clone(probe.client().context());
        refusal
            .blocking(move || {
                let mut wanted = TopicPartitionList::new();
                for (topic, partition) in &partitions {
                    wanted.add_partition(topic, *partition);
                }
                let committed = probe.committed_offsets(wanted, TIMEOUT)?;
                let mut lag = 0;
                for place in committed.elements() {
                    let (low, high) = probe.fetch_watermarks(place.topic(), place.partition(), TIMEOUT)?;
                    let seen = if let Offset::Offset(seen) = place.offset() { seen } else { low };
                    lag += (high - seen).max(0);
                }
                Ok(lag)
            })
            .await
    }

    /// Applies events until the generation ends or the process stops.
    pub(crate) async fn follow(&self, kafka: &Kafka, consumer: &Consumer, applier: &Applier) -> Result<(), Fault> {
        for service in &self.topics {
            kafka.ensure(&topic(service)).await?;
        }
        let unavailable = |error| kafka.unavailable(error);
        let config = kafka.group_config(applier.reader);
        let member: Member = config.create_with_context(kafka.refusal.clone()).map_err(unavailable)?;
        let topics: Vec<String> = self.topics.iter().map(|service| topic(service)).collect();
        member.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>()).map_err(unavailable)?;
        let probe: BaseConsumer<Refusal> = config.create_with_context(kafka.refusal.clone()).map_err(unavailable)?;
        *self.probe() = Some(Arc::new(probe));
        let outcome = self.apply_all(kafka, &member, consumer, applier).await;
        let probe = self.probe().take();
        // Leaving the group blocks until the brokers answer.
        let _ = tokio::task::spawn_blocking(move || drop((member, probe))).await;
        outcome
    }

    async fn apply_all(&self, kafka: &Kafka, member: &Member, consumer: &Consumer, applier: &Applier) -> Result<(), Fault> {
        let mut polled = Instant::now();
        loop {
            let first = tokio::select! {
                message = member.recv() => match kafka.read(message)? {
                    Some(message) => Some(message),
                    None => continue,
                },
                () = tokio::time::sleep(POLL_INTERVAL) => None,
                () = consumer.replay.notified() => None,
                () = consumer.host.shutdown.cancelled() => return Ok(()),
            };
            if first.is_none() || polled.elapsed() > POLL_INTERVAL {
                polled = Instant::now();
                if consumer.superseded(applier.reader).await? {
                    return Ok(());
                }
            }
            if let Some(first) = first {
                let mut batch = Batch::default();
                batch.add(&first, applier);
                gather(kafka, member, &mut batch, applier).await?;
                if !batch.unreadable.is_empty() {
                    unreadable::keep(applier, &batch.unreadable).await?;
                }
                if !batch.events.is_empty() {
                    // On a fault this member leaves the group; its successor starts at the last committed offset.
                    applier.apply(std::mem::take(&mut batch.events), &[]).await?;
                }
                let offsets = batch.offsets().map_err(|error| kafka.unavailable(error))?;
                member.commit(&offsets, CommitMode::Async).map_err(|error| kafka.unavailable(error))?;
            }
            if consumer.host.shutdown.is_cancelled() {
                return Ok(());
            }
        }
    }
}

/// Collects the messages already received and those that arrive within `GATHER`.
async fn gather(kafka: &Kafka, member: &Member, batch: &mut Batch, applier: &Applier) -> Result<(), Fault> {
    let until = Instant::now() + GATHER;
    while batch.taken < FETCH_MAX {
        let message = match member.recv().now_or_never() {
            Some(message) => message,
            None => match tokio::time::timeout_at(until, member.recv()).await {
                Ok(message) => message,
                Err(_) => break,
            },
        };
        let Some(message) = kafka.read(message)? else { break };
        batch.add(&message, applier);
    }
    Ok(())
}

/// Messages to be applied together.
#[derive(Default)]
struct Batch {
    events: Vec<Envelope>,
    unreadable: Vec<(Message, cloud_event::Unreadable)>,
    taken: usize,
    next: std::collections::HashMap<(String, i32), i64>,
}

impl Batch {
    fn add(&mut self, message: &BorrowedMessage<'_>, applier: &Applier) {
        self.taken += 1;
        self.next.insert((message.topic().to_owned(), message.partition()), message.offset() + 1);
        match cloud_event::read_message(message) {
            Ok(event) if applier.handler.wants(&event.kind) => self.events.push(event),
            Ok(_) => {}
            Err(cause) => self.unreadable.push((cloud_event::kept(applier.reader.consumer, message), cause)),
        }
    }

    fn offsets(&self) -> Result<TopicPartitionList, KafkaError> {
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), next) in &self.next {
            offsets.add_partition_offset(topic, *partition, Offset::Offset(*next))?;
        }
        Ok(offsets)
    }
}

/// Whether every partition has a leader. Some brokers do not know a new topic for a moment, and a consumer that joined
/// then would have to start over.
fn led(producer: &FutureProducer<Refusal>, topic: &str) -> Result<bool, KafkaError> {
    let metadata = producer.client().fetch_metadata(Some(topic), TIMEOUT)?;
    let partitions: Vec<_> = metadata.topics().iter().flat_map(MetadataTopic::partitions).collect();
    Ok((0..PARTITIONS).all(|id| partitions.iter().any(|partition| partition.id() == id && 0 <= partition.leader())))
}
