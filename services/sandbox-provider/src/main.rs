//! Runs the test payment provider as a separate process.

use std::process::ExitCode;

fn main() -> ExitCode {
    bloom_process::main(&bloom_sandbox_provider::SERVICE)
}
