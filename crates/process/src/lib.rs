//! How services become a process: settings in, one service or the whole fleet out. The crate may exist because a service's
//! own executable, `bloom serve` and `bloom up` must start it in exactly the same way.
//!
//! * [`Settings`]: everything a process is told, from the environment
//! * [`Definition`]: what a service brings along: name, migrations, how it is put together
//! * [`serve`]: one service as a process, over TCP, with Kafka when configured
//! * [`Fleet`]: all services and the gateway in one process, gRPC in memory, the in-process bus

mod definition;
mod fleet;
mod serve;
mod settings;

pub use definition::{Definition, Start};
pub use fleet::{Fleet, FleetOptions};
pub use serve::{main, serve, serve_gateway, until_stopped};
pub use settings::{Secrets, Settings, upper};
