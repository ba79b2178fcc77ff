//! The gateway as a process.

fn main() -> std::process::ExitCode {
    bloom_process::run(bloom_gateway::NAME, |settings| async move { bloom_gateway::serve(&settings).await })
}
