//! Messages in a topic that are not valid events are stored once, listed, and redriven or discarded.

use std::time::Duration;

use bloom_contract_platform::{ListParkedRequest, UnparkRequest};
use bloom_kernel::{EventId, OsEntropy, uuid_v7};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message as _};
use tokio::task::JoinSet;

use crate::bus::cloud_event;
use crate::bus::kafka::topic;
use crate::tests::fixture::{Pair, eventually};
use crate::tests::kafka::{brokers, kafka};
use crate::unreadable::keep;

/// Sends a message with exactly these headers, as a foreign producer might.
async fn send(pair: &Pair, brokers: &str, headers: &[(&str, &str)], payload: &str) {
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let headers =
        headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }));
    let topic = topic(pair.source);
    let record = FutureRecord::to(&topic).key("stranger").payload(payload).headers(headers);
    producer.send(record, Duration::from_secs(10)).await.unwrap();
}

/// Resets the consumer group to the start of every partition, as after a crash before the commit.
async fn rewind(pair: &Pair, brokers: &str) {
    let group = format!("{}.1", pair.consumer().handler.consumer());
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", group).create().unwrap();
    let mut start = TopicPartitionList::new();
    for partition in 0..24 {
        start.add_partition_offset(&topic(pair.source), partition, Offset::Offset(0)).unwrap();
    }
    eventually("the group is left", async || client.commit(&start, CommitMode::Sync).is_ok()).await;
}

async fn parked(pair: &Pair) -> i64 {
    pair.events.server().standing().await.unwrap().parked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_a_tenant_is_stored_once_and_blocks_nothing() {
    let (Some(pair), Some(brokers)) = (kafka().await, brokers()) else { return };
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    pair.change("good").await;
    let id = EventId::from_uuid(uuid_v7(pair.alpha.host.platform_now(), &OsEntropy)).to_string();
    send(&pair, &brokers, &[("ce_id", &id), ("ce_source", "/bloom/alpha"), ("ce_tenant", "?")], "a stranger's words").await;
    pair.change("good").await;
    pair.drained().await;
    pair.assert_exact().await;
    assert_eq!(parked(&pair).await, 1);

    tasks.shutdown().await;
    rewind(&pair, &brokers).await;
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    pair.change("good").await;
    pair.drained().await;
    pair.assert_exact().await;
    assert_eq!(parked(&pair).await, 1, "what is delivered again is kept once");

    let consumer = pair.consumer().handler.consumer();
    let server = pair.events.server();
    let listed = server.parked(&ListParkedRequest { consumer: consumer.to_owned(), limit: 0 }).await.unwrap();
    let [message] = listed.unreadable.as_slice() else { panic!("{listed:?}") };
    assert_eq!(message.topic, topic(pair.source));
    assert!(message.cause.contains("ce_tenant"), "{message:?}");
    assert_eq!((message.headers[2].as_str(), message.excerpt.as_str()), ("ce_tenant: ?", "a stranger's words"));

    let request = UnparkRequest { consumer: consumer.to_owned(), ..UnparkRequest::default() };
    let reply = server.take_up(request.clone()).await.unwrap();
    assert_eq!((reply.done, reply.left), (0, 1), "it is still no event");
    let reply = server.take_up(UnparkRequest { discard: true, ..request }).await.unwrap();
    assert_eq!((reply.done, reply.left), (1, 0));
    pair.stop(tasks).await;
}

/// Simulates a release that can read what the previous one could not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_became_readable_is_applied_once() {
    let (Some(pair), Some(brokers)) = (kafka().await, brokers()) else { return };
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    pair.change("good").await;
    pair.drained().await;
    let applier = pair.applier();
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &brokers).set("group.id", "none").create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..24 {
        all.add_partition_offset(&topic(pair.source), partition, Offset::Beginning).unwrap();
    }
    client.assign(&all).unwrap();
    let event = loop {
        if let Some(message) = client.poll(Duration::from_secs(10)) {
            let message = message.unwrap();
            assert!(message.payload().is_some());
            break cloud_event::kept(applier.reader.consumer, &message);
        }
    };
    let cause = cloud_event::Unreadable::Data;
    keep(&applier, &[(event, cause)]).await.unwrap();
    assert_eq!(parked(&pair).await, 1);
    let request = UnparkRequest { consumer: applier.reader.consumer.to_owned(), ..UnparkRequest::default() };
    let reply = pair.events.server().take_up(request).await.unwrap();
    assert_eq!((reply.done, reply.left), (1, 0));
    pair.assert_exact().await;
    pair.stop(tasks).await;
}
