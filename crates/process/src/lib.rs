//! Runs a service as a process: reads the settings, then serves a port. The crate exists because a service's own
//! executable, `bloom serve` and `bloom up` must start it in exactly the same way.
//!
//! * [`Settings`]: all settings of a process, from the environment
//! * [`serve()`]: one service as a process, over TCP, with Kafka when configured
//! * [`print_line`]: prints a line and tolerates a closed pipe
//! * [`settings_of_all`]: every setting by name, for `--help` and its document

// Lines are printed through `print_line`, because `println!` panics on a closed pipe.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod kafka;
mod known;
mod print;
mod ready;
mod serve;
mod settings;

pub use kafka::KafkaSettings;
pub use known::{Setting, own_settings, settings_of, settings_of_all, settings_of_service};
pub use print::{print_error, print_line};
pub use serve::{arguments, block_on, listen, main, run, serve, until_migrated, until_stopped};
pub use settings::{Secrets, Settings, upper};

/// Requests allocate many small, short-lived objects: measurements showed a fifth of the fleet's CPU time in the
/// system's allocator. It is set here because every serving executable links this crate, so that `./dev bench` measures
/// what is shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
