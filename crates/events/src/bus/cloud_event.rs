//! CloudEvents 1.0 over Kafka in binary mode: attributes are `ce_` headers, the document is the message body.

use std::str::FromStr;

use bloom_kernel::Timestamp;
use chrono::SecondsFormat;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use serde_json::value::RawValue;

use crate::envelope::Envelope;
use crate::store::unreadable::Place;
use crate::unreadable;

/// The message key. Kafka keeps the order of messages with equal keys, here of one tenant and aggregate.
pub(crate) fn key(event: &Envelope) -> String {
    format!("{}/{}", event.tenant, event.aggregate)
}

/// The event's attributes as headers.
pub(crate) fn headers(event: &Envelope) -> OwnedHeaders {
    let time = event.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let required = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", event.id.to_string()),
        ("ce_source", format!("/bloom/{}", event.service)),
        ("ce_type", event.kind.clone()),
        ("ce_subject", event.aggregate.clone()),
        ("ce_time", time),
        ("ce_tenant", event.tenant.to_string()),
        ("ce_actor", event.actor.clone()),
        ("ce_aggregateversion", event.version.to_string()),
        ("ce_schemaversion", event.schema_version.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    let optional = [("ce_traceparent", event.trace.clone()), ("ce_causation", event.causation.map(|id| id.to_string()))];
    let optional = optional.into_iter().filter_map(|(key, value)| Some((key, value?)));
    required
        .into_iter()
        .chain(optional)
        .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(&value) }))
}

/// Why a message is not a valid event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    #[error("the message is not JSON")]
    Data,
}

/// Parses an event from header values and the payload.
pub(crate) fn read<'m>(header: impl Fn(&str) -> Option<&'m str>, payload: Option<&[u8]>) -> Result<Envelope, Unreadable> {
    let headers = &header;
    let source: String = parsed(headers, "ce_source")?;
    let data = payload.and_then(|payload| std::str::from_utf8(payload).ok()).ok_or(Unreadable::Data)?;
    Ok(Envelope {
        id: parsed(headers, "ce_id")?,
        tenant: parsed(headers, "ce_tenant")?,
        service: source.strip_prefix("/bloom/").ok_or(Unreadable::Header("ce_source"))?.to_owned(),
        kind: parsed(headers, "ce_type")?,
        aggregate: parsed(headers, "ce_subject")?,
        version: parsed(headers, "ce_aggregateversion")?,
        actor: parsed(headers, "ce_actor")?,
        occurred_at: parsed::<Timestamp>(headers, "ce_time")?,
        schema_version: parsed(headers, "ce_schemaversion")?,
        trace: header("ce_traceparent").map(str::to_owned),
        causation: header("ce_causation").and_then(|id| id.parse().ok()),
        data: RawValue::from_string(data.to_owned()).map_err(|_| Unreadable::Data)?,
    })
}

/// Parses an event from a Kafka message.
pub(crate) fn read_message(message: &BorrowedMessage<'_>) -> Result<Envelope, Unreadable> {
    let headers = message.headers();
    let header = |name: &str| {
        let found = headers?.iter().find(|header| header.key == name)?;
        std::str::from_utf8(found.value?).ok()
    };
    read(header, message.payload())
}

/// Copies a Kafka message unchanged, to be stored as unreadable.
pub(crate) fn kept(consumer: &str, message: &BorrowedMessage<'_>) -> unreadable::Message {
    let headers = message.headers().into_iter().flat_map(BorrowedHeaders::iter);
    unreadable::Message {
        place: Place {
            consumer: consumer.to_owned(),
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            sent_ms: message.timestamp().to_millis().unwrap_or_default(),
        },
        attributes: unreadable::Attributes {
            key: message.key().map(<[u8]>::to_vec),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        },
        payload: message.payload().map(<[u8]>::to_vec),
    }
}

fn parsed<'m, T: FromStr>(header: &impl Fn(&str) -> Option<&'m str>, name: &'static str) -> Result<T, Unreadable> {
    header(name).and_then(|text| text.parse().ok()).ok_or(Unreadable::Header(name))
}
