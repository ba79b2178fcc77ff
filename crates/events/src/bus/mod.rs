//! How published events reach their consumers: within the process, or through Kafka. There is no third way.

mod access;
pub(crate) mod cloud_event;
pub(crate) mod in_process;
pub(crate) mod kafka;

use bloom_runtime::StartError;

pub use access::{Access, Login, Mechanism, Tls};
pub use in_process::InProcess;
pub use kafka::Kafka;

/// The bus of one process. Cheap to clone: every service of the process gets a clone of the same bus.
#[derive(Clone)]
pub enum Bus {
    /// The outboxes are the logs; producers and consumers run in this process.
    InProcess(InProcess),
    /// Apache Kafka carries the events.
    Kafka(Kafka),
}

impl Bus {
    /// Creates a bus for services that run in one process.
    pub fn in_process() -> Self {
        Self::InProcess(InProcess::default())
    }

    /// Creates a bus over Kafka, which connects on first use.
    pub fn kafka(access: Access) -> Result<Self, StartError> {
        Ok(Self::Kafka(Kafka::new(access)?))
    }
}
