//! Providers behind one door: what is sent, what is asked, and what their answers mean.

mod breaker;
mod manual;
mod sandbox;

use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, Currency, OperationId};

use crate::connections::Connection;
use crate::domain::{Failure, OperationKind, ProviderKind, Report};
use crate::error::provider_unavailable;
use breaker::Breaker;
use sandbox::Sandbox;
pub use sandbox::{Notice, notice};

/// What a provider is to do.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The provider's idempotency key.
    pub operation: OperationId,
    /// What.
    pub kind: OperationKind,
    /// Minor units.
    pub amount: i64,
    /// Their currency.
    pub currency: Currency,
    /// The payer's instrument; an authorisation has one.
    pub token: Option<&'a str>,
    /// The authorisation that is captured, voided or refunded.
    pub authorisation: Option<&'a str>,
    /// Where the payer's browser comes back.
    pub return_url: Option<&'a str>,
}

/// What came of a request or a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The provider says how the operation stands.
    Report(Report),
    /// The provider refused to begin; nothing happened there.
    Refused(Failure),
    /// No connection came about: nothing was sent.
    NotSent(String),
    /// Asked, the provider knows no such operation.
    Missing,
    /// No answer, or none that can be read.
    Unknown(String),
}

/// All providers.
pub struct Providers {
    sandbox: Sandbox,
    breaker: Breaker,
}

impl Providers {
    /// Providers at their addresses. None is waited for longer than the time-out.
    pub fn new(sandbox_url: &str, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self { sandbox: Sandbox::new(sandbox_url, timeout)?, breaker: Breaker::default() })
    }

    /// Refuses at once while the provider behind a connection does not answer: before anything is recorded.
    pub fn admit(&self, connection: ConnectionId) -> Result<(), Fault> {
        if self.breaker.admits(connection) { Ok(()) } else { Err(provider_unavailable("the breaker is open")) }
    }

    /// Has an operation done. Not to be repeated before [`ask`](Self::ask) says that the provider has never seen it.
    pub async fn send(&self, connection: &Connection, request: Request<'_>) -> Answer {
        let answer = match connection.provider {
            ProviderKind::Manual => return manual::send(request),
            ProviderKind::Sandbox => self.sandbox.send(connection, request).await,
        };
        self.note(connection.id, answer)
    }

    /// Asks how an operation stands.
    pub async fn ask(&self, connection: &Connection, kind: OperationKind, operation: OperationId) -> Answer {
        let answer = match connection.provider {
            ProviderKind::Manual => return manual::ask(kind, operation),
            ProviderKind::Sandbox => self.sandbox.ask(connection, kind, operation).await,
        };
        self.note(connection.id, answer)
    }

    /// Tells the provider where its notices go and what they are signed with.
    pub async fn register(&self, credentials: &str, webhook_url: &str, secret: &[u8]) -> Result<(), Fault> {
        self.sandbox.register(credentials, webhook_url, secret).await
    }

    fn note(&self, connection: ConnectionId, answer: Answer) -> Answer {
        match &answer {
            Answer::Report(_) | Answer::Refused(_) | Answer::Missing => self.breaker.answered(connection),
            Answer::NotSent(why) | Answer::Unknown(why) => {
                tracing::warn!(%connection, why, "the payment provider gave no usable answer");
                self.breaker.silent(connection);
            }
        }
        answer
    }
}
