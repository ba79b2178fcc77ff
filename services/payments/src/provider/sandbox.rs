//! The test provider over HTTP.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bloom_fault::Fault;
use bloom_kernel::{OperationId, ViolationCode};
use http::StatusCode;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;

use super::model::{ProviderReply, ProviderReport, ProviderRequest, ProviderState, unavailable};
use crate::operation::{Failure, FailureCode, OperationKind};

/// Longest reply that is read.
const REPLY_MAX: usize = 64 * 1024;
/// Shorter than the time-out of a request: a host that cannot be reached fails early.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Sandbox {
    base: String,
    client: Client,
}

/// An object of the provider: the fields that are read.
#[derive(Debug, Deserialize)]
struct Object {
    id: String,
    idempotency_key: String,
    amount: i64,
    status: ObjectStatus,
    sequence: i64,
    #[serde(default)]
    action_url: Option<String>,
    #[serde(default)]
    failure_code: Option<String>,
    #[serde(default)]
    failure_message: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ObjectStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
}

#[derive(Deserialize)]
struct Found {
    data: Vec<Object>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    data: Object,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    message: String,
}

/// A notice of the provider about one operation.
#[derive(Debug)]
pub(crate) struct Notice {
    /// The provider's id of the notice; the same for every copy.
    pub id: String,
    /// The operation; none when the provider's idempotency key is no id of an operation.
    pub operation: Option<OperationId>,
    /// Its state.
    pub report: ProviderReport,
}

/// Reads the body of a notice. The caller has checked its signature.
pub(crate) fn parse_notice(body: &[u8]) -> serde_json::Result<Notice> {
    let Envelope { id, data } = serde_json::from_slice(body)?;
    Ok(Notice { id, operation: data.idempotency_key.parse().ok(), report: data.report() })
}

impl Sandbox {
    pub(super) fn new(base: &str, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), client })
    }

    pub(super) async fn send(&self, credentials: &str, request: ProviderRequest<'_>) -> ProviderReply {
        let body = match request.kind {
            OperationKind::Authorise => json!({
                "amount": request.amount,
                "currency": request.currency,
                "token": request.token.unwrap_or_default(),
                "return_url": request.return_url,
            }),
            OperationKind::Capture | OperationKind::Void | OperationKind::Refund => json!({
                "authorisation": request.authorisation.unwrap_or_default(),
                "amount": request.amount,
            }),
        };
        let call = self
            .client
            .post(format!("{}/v1/{}", self.base, collection(request.kind)))
            .bearer_auth(credentials)
            .header("idempotency-key", request.operation.to_string())
            .json(&body);
        match round_trip(call).await {
            Ok((status, bytes)) if status.is_success() => read(&bytes, |object: Object| {
                let ours = object.idempotency_key == request.operation.to_string() && object.amount == request.amount;
                ours.then(|| ProviderReply::Report(object.report()))
            }),
            Ok((status, bytes)) if is_refusal(status) => ProviderReply::Refused(failure_of(&bytes)),
            Ok((status, _)) => ProviderReply::Unknown(format!("status {status}")),
            Err(reply) => reply,
        }
    }

    pub(super) async fn query(&self, credentials: &str, kind: OperationKind, operation: OperationId) -> ProviderReply {
        let address = format!("{}/v1/{}?idempotency_key={operation}", self.base, collection(kind));
        match round_trip(self.client.get(address).bearer_auth(credentials)).await {
            Ok((StatusCode::OK, bytes)) => read(&bytes, |found: Found| match found.data.into_iter().next() {
                Some(object) if object.idempotency_key == operation.to_string() => Some(ProviderReply::Report(object.report())),
                Some(_) => None,
                None => Some(ProviderReply::NotFound),
            }),
            Ok((status, _)) => ProviderReply::Unknown(format!("status {status} to a query")),
            Err(ProviderReply::NotSent(cause)) => ProviderReply::Unknown(cause),
            Err(reply) => reply,
        }
    }

    pub(super) async fn register(&self, credentials: &str, webhook_url: &str, secret: &[u8]) -> Result<(), Fault> {
        let call = self
            .client
            .put(format!("{}/v1/webhook-endpoint", self.base))
            .bearer_auth(credentials)
            .json(&json!({ "url": webhook_url, "secret": STANDARD.encode(secret) }));
        match round_trip(call).await {
            Ok((status, _)) if status.is_success() => Ok(()),
            Ok((status, bytes)) if is_refusal(status) => {
                Err(Fault::invalid("/credentials", ViolationCode::Unknown, failure_of(&bytes).message))
            }
            Ok((status, _)) => Err(unavailable(format!("status {status}"))),
            Err(reply) => Err(unavailable(format!("{reply:?}"))),
        }
    }
}

impl Object {
    fn report(self) -> ProviderReport {
        let state = match self.status {
            ObjectStatus::Pending => ProviderState::Pending { action_url: None },
            ObjectStatus::RequiresAction => ProviderState::Pending { action_url: self.action_url.as_deref().map(printable) },
            ObjectStatus::Succeeded => ProviderState::Succeeded,
            ObjectStatus::Failed => {
                let message = self.failure_message.as_deref().map(printable).filter(|message| !message.is_empty());
                ProviderState::Failed(Failure::new(
                    failure_code(self.failure_code.as_deref()),
                    message.unwrap_or_else(|| "The provider gave no reason.".to_owned()),
                ))
            }
        };
        ProviderReport { reference: printable(&self.id), sequence: self.sequence, state }
    }
}

/// A provider's text without control characters. PostgreSQL cannot store NUL, and no text may prevent an outcome from being applied.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

fn failure_code(text: Option<&str>) -> FailureCode {
    [FailureCode::CardDeclined, FailureCode::AuthenticationFailed, FailureCode::Expired]
        .into_iter()
        .find(|code| Some(code.as_str()) == text)
        .unwrap_or(FailureCode::ProviderError)
}

const fn collection(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Authorise => "authorisations",
        OperationKind::Capture => "captures",
        OperationKind::Void => "voids",
        OperationKind::Refund => "refunds",
    }
}

/// Whether the provider understood the request and refuses it. Busy, throttled and failing providers are queried later.
fn is_refusal(status: StatusCode) -> bool {
    let undecided = [StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !undecided.contains(&status)
}

/// The message of a refusal: that of the wrong field if it names one, because its general text only says that some field is wrong.
fn failure_of(bytes: &[u8]) -> Failure {
    let text = serde_json::from_slice(bytes)
        .map(|Problem { detail, errors }| errors.into_iter().next().map_or(detail, |error| error.message));
    let message: String = printable(&text.unwrap_or_default()).chars().take(500).collect();
    Failure::new(FailureCode::ProviderError, if message.is_empty() { "The provider refused.".to_owned() } else { message })
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8], reply: impl FnOnce(T) -> Option<ProviderReply>) -> ProviderReply {
    match serde_json::from_slice(bytes) {
        Ok(parsed) => reply(parsed).unwrap_or_else(|| ProviderReply::Unknown("the reply is about another operation".to_owned())),
        Err(error) => ProviderReply::Unknown(format!("the reply cannot be read: {error}")),
    }
}

/// Sends and reads the whole reply, within the client's time-out and no more than [`REPLY_MAX`] bytes.
async fn round_trip(call: RequestBuilder) -> Result<(StatusCode, Vec<u8>), ProviderReply> {
    let mut response = call.send().await.map_err(|error| {
        if error.is_connect() { ProviderReply::NotSent(error_chain(&error)) } else { ProviderReply::Unknown(error_chain(&error)) }
    })?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ProviderReply::Unknown(error_chain(&error)))? {
        if REPLY_MAX < bytes.len() + chunk.len() {
            return Err(ProviderReply::Unknown("the reply is too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((response.status(), bytes))
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    line
}
