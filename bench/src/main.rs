//! `./dev bench`: measures the platform's cost as ratios to a reference on the same machine at the same time. The crate
//! exists because absolute numbers cannot be compared between machines.
//!
//! | module | what it is |
//! |---|---|
//! | `plan` | sizes and durations |
//! | `cluster`, `fleet` | a durable PostgreSQL of its own; the platform as one process on it |
//! | `shop` | two tenants, and the files of their products |
//! | `client`, `load` | connections, and load generators: closed loop, or at a fixed rate |
//! | `machine` | CPU time and memory of process trees |
//! | `list`, `orders`, `events`, `front` | the rows, each against its reference |
//! | `pgbench`, `record`, `replay`, `wire` | the references in SQL: the same statements without the platform |
//! | `report` | the table, and `bench/latest.json` |

mod client;
mod cluster;
mod events;
mod fleet;
mod front;
mod list;
mod load;
mod machine;
mod orders;
mod pgbench;
mod plan;
mod record;
mod replay;
mod report;
mod run;
mod shop;
mod upstream;
mod wire;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser;

/// Any error that ends the benchmark, in one sentence.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments = plan::Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run::run(&arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
