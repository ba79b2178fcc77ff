//! Background loops of a service, and errors that prevent a process from starting.

use futures::future::BoxFuture;

/// A loop that runs as long as its service: relay, consumer, timers. It ends at shutdown. If it ends earlier, the
/// process stops, so that no service runs with a part missing.
pub struct Task {
    /// Name for logs, for example `relay`.
    pub name: String,
    /// The loop.
    pub run: BoxFuture<'static, Result<(), StartError>>,
}

impl Task {
    /// Creates a named loop.
    pub fn new(name: impl Into<String>, run: impl Future<Output = Result<(), StartError>> + Send + 'static) -> Self {
        Self { name: name.into(), run: Box::pin(run) }
    }
}

/// Why a process could not start or had to stop: one sentence for an operator.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StartError {
    /// A sentence that says what failed and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A sentence with its cause.
    pub fn caused(message: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { message: message.into(), source: Some(Box::new(source)) }
    }

    /// The sentence followed by the chain of causes.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

impl From<sqlx::Error> for StartError {
    fn from(error: sqlx::Error) -> Self {
        Self::caused("the database did not answer as expected", error)
    }
}
