//! The test provider over HTTP.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bloom_fault::Fault;
use bloom_kernel::OperationId;
use http::StatusCode;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Request};
use crate::connections::Connection;
use crate::domain::{Failure, FailureCode, OperationKind, Report, State};
use crate::error::provider_unavailable;

/// No reply of a provider is longer.
const REPLY_MAX: usize = 64 * 1024;
/// A provider that cannot be reached is given up sooner than one that works.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Sandbox {
    base: String,
    client: Client,
}

/// An object of the provider, as far as it concerns us.
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
struct Complaint {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<Wrong>,
}

/// What is wrong with one field.
#[derive(Deserialize)]
struct Wrong {
    message: String,
}

/// A notice of the provider: what it is called, and what it says about which operation.
#[derive(Debug)]
pub struct Notice {
    /// The provider's id of the notice; the same for every copy.
    pub id: String,
    /// The operation; nothing when it is none of ours.
    pub operation: Option<OperationId>,
    /// How it stands.
    pub report: Report,
}

/// Reads the body of a notice whose signature was found good.
pub fn notice(body: &[u8]) -> Result<Notice, serde_json::Error> {
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

    pub(super) async fn send(&self, connection: &Connection, request: Request<'_>) -> Answer {
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
            .bearer_auth(connection.credentials())
            .header("idempotency-key", request.operation.to_string())
            .json(&body);
        match exchange(call).await {
            Ok((status, bytes)) if status.is_success() => read(&bytes, |object: Object| {
                let ours = object.idempotency_key == request.operation.to_string() && object.amount == request.amount;
                ours.then(|| object.answer())
            }),
            Ok((status, bytes)) if is_refusal(status) => Answer::Refused(complaint(&bytes)),
            Ok((status, _)) => Answer::Unknown(format!("status {status}")),
            Err(answer) => answer,
        }
    }

    pub(super) async fn ask(&self, connection: &Connection, kind: OperationKind, operation: OperationId) -> Answer {
        let address = format!("{}/v1/{}?idempotency_key={operation}", self.base, collection(kind));
        match exchange(self.client.get(address).bearer_auth(connection.credentials())).await {
            Ok((StatusCode::OK, bytes)) => read(&bytes, |found: Found| match found.data.into_iter().next() {
                Some(object) if object.idempotency_key == operation.to_string() => Some(object.answer()),
                Some(_) => None,
                None => Some(Answer::Missing),
            }),
            Ok((status, _)) => Answer::Unknown(format!("status {status} to a question")),
            Err(Answer::NotSent(why)) => Answer::Unknown(why),
            Err(answer) => answer,
        }
    }

    pub(super) async fn register(&self, credentials: &str, webhook_url: &str, secret: &[u8]) -> Result<(), Fault> {
        let call = self
            .client
            .put(format!("{}/v1/webhook-endpoint", self.base))
            .bearer_auth(credentials)
            .json(&json!({ "url": webhook_url, "secret": STANDARD.encode(secret) }));
        match exchange(call).await {
            Ok((status, _)) if status.is_success() => Ok(()),
            Ok((status, bytes)) if is_refusal(status) => {
                Err(Fault::invalid("/credentials", "refused", complaint(&bytes).message))
            }
            Ok((status, _)) => Err(provider_unavailable(format!("status {status}"))),
            Err(answer) => Err(provider_unavailable(format!("{answer:?}"))),
        }
    }
}

impl Object {
    fn answer(self) -> Answer {
        Answer::Report(self.report())
    }

    fn report(self) -> Report {
        let state = match self.status {
            ObjectStatus::Pending => State::Pending { action_url: None },
            ObjectStatus::RequiresAction => State::Pending { action_url: self.action_url.as_deref().map(printable) },
            ObjectStatus::Succeeded => State::Succeeded,
            ObjectStatus::Failed => {
                let said = self.failure_message.as_deref().map(printable).filter(|said| !said.is_empty());
                State::Failed(Failure::new(
                    failure_code(self.failure_code.as_deref()),
                    said.unwrap_or_else(|| "The provider gave no reason.".to_owned()),
                ))
            }
        };
        Report { reference: printable(&self.id), sequence: self.sequence, state }
    }
}

/// A provider's text without control characters: an outcome counts whatever stands in its words, and NUL cannot be stored.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

fn failure_code(word: Option<&str>) -> FailureCode {
    [FailureCode::CardDeclined, FailureCode::AuthenticationFailed, FailureCode::Expired]
        .into_iter()
        .find(|code| Some(code.as_str()) == word)
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

/// Whether the provider understood the request and will not do it. Busy, throttled and failing ones are asked later.
fn is_refusal(status: StatusCode) -> bool {
    let undecided = [StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !undecided.contains(&status)
}

/// What a refusal says: of the field that is wrong where it names one, as the rest of it only says that some field is.
fn complaint(bytes: &[u8]) -> Failure {
    let said = serde_json::from_slice(bytes)
        .map(|Complaint { detail, errors }| errors.into_iter().next().map_or(detail, |wrong| wrong.message));
    let message: String = printable(&said.unwrap_or_default()).chars().take(500).collect();
    Failure::new(FailureCode::ProviderError, if message.is_empty() { "The provider refused.".to_owned() } else { message })
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8], answer: impl FnOnce(T) -> Option<Answer>) -> Answer {
    match serde_json::from_slice(bytes) {
        Ok(parsed) => answer(parsed).unwrap_or_else(|| Answer::Unknown("the reply is about something else".to_owned())),
        Err(error) => Answer::Unknown(format!("the reply cannot be read: {error}")),
    }
}

/// Sends and reads the whole reply, within the client's time-out and no more than [`REPLY_MAX`] bytes.
async fn exchange(call: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Answer> {
    let mut response = call
        .send()
        .await
        .map_err(|error| if error.is_connect() { Answer::NotSent(chain(&error)) } else { Answer::Unknown(chain(&error)) })?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Answer::Unknown(chain(&error)))? {
        if REPLY_MAX < bytes.len() + chunk.len() {
            return Err(Answer::Unknown("the reply is too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((response.status(), bytes))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    line
}
