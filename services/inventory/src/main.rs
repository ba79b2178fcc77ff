//! The inventory service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    bloom_process::main(&bloom_inventory::SERVICE)
}
