//! How the brokers are reached, and what they said when they let nobody in.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bloom_fault::{Code, Fault};
use bloom_runtime::config::Secret;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext};

/// Where the brokers are, and what they ask for before they answer.
#[derive(Clone, Debug)]
pub struct Access {
    /// `host:port,host:port`.
    pub brokers: String,
    /// TLS, or in clear without.
    pub tls: Option<Tls>,
    /// A login over SASL, where the brokers ask for one.
    pub login: Option<Login>,
}

/// What the brokers' certificates are checked against. Their names are always checked.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Certificates of authorities in PEM; those that the system trusts without.
    pub ca_file: Option<PathBuf>,
}

/// A login over SASL.
#[derive(Clone, Debug)]
pub struct Login {
    /// How it is shown that the password is known.
    pub mechanism: Mechanism,
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How a password is shown to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password itself is sent.
    Plain,
    /// It is not sent.
    ScramSha256,
    /// It is not sent.
    ScramSha512,
}

impl Mechanism {
    /// Its name in SASL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Access {
    /// Brokers that talk in clear with anybody.
    pub fn open(brokers: &str) -> Self {
        Self { brokers: brokers.to_owned(), tls: None, login: None }
    }

    /// What every client of these brokers is made from.
    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "bloom");
        config.set(
            "security.protocol",
            match (&self.tls, &self.login) {
                (None, None) => "plaintext",
                (Some(_), None) => "ssl",
                (None, Some(_)) => "sasl_plaintext",
                (Some(_), Some(_)) => "sasl_ssl",
            },
        );
        if let Some(file) = self.tls.as_ref().and_then(|tls| tls.ca_file.as_ref()) {
            config.set("ssl.ca.location", file.to_string_lossy());
        }
        if let Some(login) = &self.login {
            config
                .set("sasl.mechanism", login.mechanism.name())
                .set("sasl.username", &login.user)
                .set("sasl.password", login.password.reveal());
        }
        config
    }
}

/// Remembers why the brokers refuse this process: what waits for them in vain knows only that its time is up. All clients
/// of a bus share one, as they share their login.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<String>>>);

/// Neither certificate nor login helped.
#[derive(Debug, thiserror::Error)]
#[error("the Kafka brokers are not reached as configured: {reason}")]
struct Refused {
    reason: String,
    source: KafkaError,
}

impl Refusal {
    fn note(&self, reason: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason.map(str::to_owned);
    }

    /// A broker has answered: what it said before is settled.
    pub(crate) fn settled(&self) {
        self.note(None);
    }

    /// The fault of a call that failed, with what the brokers said last when they refused.
    pub(crate) fn unavailable(&self, error: KafkaError) -> Fault {
        let fault = Fault::new(Code::Unavailable, "bus_unavailable", "").retry_after(1);
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(reason) => fault.source(Refused { reason, source: error }),
            None => fault.source(error),
        }
    }

    /// Calls of librdkafka that wait for the network.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, Fault> {
        let done = tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?;
        let done = done.map_err(|error| self.unavailable(error))?;
        self.settled();
        Ok(done)
    }
}

impl ClientContext for Refusal {
    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL | RDKafkaErrorCode::SaslAuthenticationFailed) =
            error.rdkafka_error_code()
        {
            self.note(Some(reason));
            // A producer waits for as long as it takes: nothing else would say what for.
            tracing::error!(reason, "the Kafka brokers refuse this process");
        } else {
            tracing::warn!(%error, reason, "the Kafka client has trouble");
        }
    }
}

impl ConsumerContext for Refusal {}
