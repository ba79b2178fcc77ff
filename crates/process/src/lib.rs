//! How a service becomes a process: settings in, a served port out. The crate may exist because a service's own
//! executable, `bloom serve` and `bloom up` must start it in exactly the same way.
//!
//! * [`Settings`]: everything a process is told, from the environment
//! * [`Definition`]: what a service brings along: name, migrations, how it is put together
//! * [`serve`]: one service as a process, over TCP, with Kafka when configured

mod definition;
mod serve;
mod settings;

pub use definition::{Definition, Start};
pub use serve::{PEERS, listen, main, run, serve, until_stopped};
pub use settings::{Secrets, Settings, upper};
