//! The pricing service as its own process.

use std::process::ExitCode;

fn main() -> ExitCode {
    bloom_process::main(&bloom_pricing::SERVICE)
}
