//! How published events reach their consumers: within the process, or through Kafka. There is no third way.

mod access;
pub(crate) mod cloud_event;
pub(crate) mod in_process;
pub(crate) mod kafka;

use bloom_runtime::StartError;

pub use access::{Access, Login, Mechanism, Tls};
pub use in_process::InProcess;
pub use kafka::Kafka;

/// The bus of one process. Cheap to clone: every service of the process gets a clone of the same one.
#[derive(Clone)]
pub enum Bus {
    /// The outboxes are the logs; producers and consumers live in this process.
    InProcess(InProcess),
    /// Apache Kafka carries the events.
    Kafka(Kafka),
}

impl Bus {
    /// A bus for services that run in one process.
    pub fn in_process() -> Self {
        Self::InProcess(InProcess::default())
    }

    /// A bus over Kafka. Connects when it is first used.
    pub fn kafka(access: Access) -> Result<Self, StartError> {
        Ok(Self::Kafka(Kafka::new(access)?))
    }
}
