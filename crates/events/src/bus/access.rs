//! How to connect to the Kafka brokers, and the reason they gave when they refused the connection.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bloom_fault::{Code, Fault};
use bloom_runtime::config::Secret;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext};

/// Addresses of the brokers, and the credentials they require.
#[derive(Clone, Debug)]
pub struct Access {
    /// `host:port,host:port`.
    pub brokers: String,
    /// TLS settings; without them the connection is not encrypted.
    pub tls: Option<Tls>,
    /// SASL login, if the brokers require one.
    pub login: Option<Login>,
}

/// How the brokers' certificates are verified. Host names are always verified.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM file with certificate authorities; without it the system's trusted authorities are used.
    pub ca_file: Option<PathBuf>,
}

/// A SASL login.
#[derive(Clone, Debug)]
pub struct Login {
    /// How knowledge of the password is proved.
    pub mechanism: Mechanism,
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How knowledge of the password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password itself is sent.
    Plain,
    /// The password is not sent.
    ScramSha256,
    /// The password is not sent.
    ScramSha512,
}

impl Mechanism {
    /// The name of the mechanism in SASL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Access {
    /// Brokers that need neither TLS nor a login.
    pub fn open(brokers: &str) -> Self {
        Self { brokers: brokers.to_owned(), tls: None, login: None }
    }

    /// The base configuration of every client of these brokers.
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

/// Remembers why the brokers refuse this process, because a caller that waits for them sees only a timeout. All clients
/// of a bus share one instance, as they share one login.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<String>>>);

/// The certificate or the login was refused.
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

    /// A broker has answered: the last refusal no longer applies.
    pub(crate) fn settled(&self) {
        self.note(None);
    }

    /// The fault of a failed call, with the brokers' last refusal if there is one.
    pub(crate) fn unavailable(&self, error: KafkaError) -> Fault {
        let fault = Fault::new(Code::Unavailable, "bus_unavailable", "").retry_after(1);
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(reason) => fault.source(Refused { reason, source: error }),
            None => fault.source(error),
        }
    }

    /// Runs a blocking librdkafka call on a blocking thread.
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
            // A producer retries without limit, so this line is the only sign of the reason.
            tracing::error!(reason, "the Kafka brokers refuse this process");
        } else {
            tracing::warn!(%error, reason, "the Kafka client reported an error");
        }
    }
}

impl ConsumerContext for Refusal {}
