//! Payments as a process of their own.

use std::process::ExitCode;

fn main() -> ExitCode {
    bloom_process::main(&bloom_payments::SERVICE)
}
