//! How a service becomes a process: settings in, a served port out. The crate may exist because a service's own
//! executable, `bloom serve` and `bloom up` must start it in exactly the same way.
//!
//! * [`Settings`]: everything a process is told, from the environment
//! * [`serve`]: one service as a process, over TCP, with Kafka when configured
//! * [`say`]: a line of a command, whoever reads it
//! * [`settings_of_all`]: every setting by name, for `--help` and its document

// A line goes through `say`: `println!` panics where nobody reads it any more.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod kafka;
mod known;
mod ready;
mod say;
mod serve;
mod settings;

pub use kafka::KafkaSettings;
pub use known::{Setting, own_settings, settings_of, settings_of_all, settings_of_service};
pub use say::{complain, say};
pub use serve::{arguments, block_on, listen, main, run, serve, until_migrated, until_stopped};
pub use settings::{Secrets, Settings, upper};

/// Requests are many short lives of small things: measured, a fifth of the fleet's CPU time went to the system's allocator.
/// It stands here because every executable that serves links this crate: what `./dev bench` measures is what is shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
