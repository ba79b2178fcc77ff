//! Runs the payments service as a separate process.

use std::process::ExitCode;

fn main() -> ExitCode {
    bloom_process::main(&bloom_payments::SERVICE)
}
