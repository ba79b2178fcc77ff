//! Messages on the bus that are not valid events wait for an operator, or for a release that can read them. Their
//! tenant and aggregate are not certain, so they block no other event.

use bloom_db::{seal::open_own, seal::seal_own};
use bloom_fault::Fault;
use bloom_runtime::ServiceContext;
use serde::{Deserialize, Serialize};

use crate::apply::Applier;
use crate::bus::cloud_event;
use crate::store::consumer::consumer_generation;
use crate::store::inbox::ConsumerGeneration;
use crate::store::unreadable::{Kept, Place, unreadable_add, unreadable_discard, unreadable_next, unreadable_remove};

/// Label from which the encryption keys are derived.
const PURPOSE: &str = "unreadable";

/// A message as it was received.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) place: Place,
    pub(crate) attributes: Attributes,
    pub(crate) payload: Option<Vec<u8>>,
}

/// The message's attributes besides its payload.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Attributes {
    /// The value of a header, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(header.1.as_deref()?).ok()
    }
}

/// Stores messages with the reason each is unreadable. Idempotent.
pub(crate) async fn keep(applier: &Applier, messages: &[(Message, cloud_event::Unreadable)]) -> Result<(), Fault> {
    let mut tx = applier.db.system().await?;
    // One at a time: a batch of the largest messages would exceed the size of a statement.
    for (message, cause) in messages {
        let kept = sealed(&applier.host, message, cause)?;
        if unreadable_add(&mut tx, &kept).await? {
            let Place { consumer, topic, partition, offset, .. } = &message.place;
            tracing::error!(consumer, topic, partition, offset, %cause, "a message that is not a valid event was parked");
            applier.host.metrics.count(applier.service, "messages_unreadable", 1);
        }
    }
    tx.commit().await
}

/// Applies the messages that have become readable, or discards all; returns how many were removed.
pub(crate) async fn take_up(applier: &Applier, discard: bool) -> Result<u64, Fault> {
    let consumer = applier.reader.consumer;
    let mut tx = applier.db.system().await?;
    if discard {
        let done = unreadable_discard(&mut tx, consumer).await?;
        tx.commit().await?;
        return Ok(done);
    }
    let generation = consumer_generation(&mut tx, consumer).await?.number;
    tx.commit().await?;
    let applier = Applier { reader: ConsumerGeneration { consumer, generation }, ..applier.clone() };
    let (mut after, mut done) = (Place::default(), 0);
    loop {
        let mut tx = applier.db.system().await?;
        let next = unreadable_next(&mut tx, Some(consumer), &after).await?;
        tx.commit().await?;
        let Some(kept) = next else { return Ok(done) };
        let message = opened(&applier.host, &kept)?;
        after = kept.place;
        let header = |name: &str| message.attributes.text(name);
        let Ok(event) = cloud_event::read(header, message.payload.as_deref()) else { continue };
        if applier.handler.wants(&event.kind) {
            // The inbox row commits with the effect, so a crash before the message is deleted does not apply it twice.
            applier.apply(vec![event], &[]).await?;
        }
        let mut tx = applier.db.system().await?;
        done += unreadable_remove(&mut tx, &after).await?;
        tx.commit().await?;
    }
}

fn sealed(host: &ServiceContext, message: &Message, cause: &cloud_event::Unreadable) -> Result<Kept, Fault> {
    let attributes = serde_json::to_vec(&message.attributes).map_err(Fault::internal)?;
    let place = bound(&message.place);
    Ok(Kept {
        place: message.place.clone(),
        cause: cause.to_string(),
        attributes: seal_own(host, PURPOSE, &[b"attributes", &place], &attributes),
        payload: message.payload.as_ref().map(|payload| seal_own(host, PURPOSE, &[b"payload", &place], payload)),
        parked_at: host.platform_now(),
    })
}

/// Decrypts a stored message.
pub(crate) fn opened(host: &ServiceContext, kept: &Kept) -> Result<Message, Fault> {
    let place = bound(&kept.place);
    let attributes = open_own(host, PURPOSE, &[b"attributes", &place], &kept.attributes)?;
    let payload = kept.payload.as_ref().map(|sealed| open_own(host, PURPOSE, &[b"payload", &place], sealed)).transpose()?;
    Ok(Message { place: kept.place.clone(), attributes: serde_json::from_slice(&attributes).map_err(Fault::internal)?, payload })
}

/// The additional authenticated data that binds the encrypted columns to their row.
fn bound(place: &Place) -> Vec<u8> {
    let Place { consumer, topic, partition, offset, sent_ms } = place;
    format!("{consumer}\0{topic}\0{partition}\0{offset}\0{sent_ms}").into_bytes()
}
