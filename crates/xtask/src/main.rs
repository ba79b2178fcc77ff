//! Exists because generated code, query metadata and house rules are checked by a program, not by a reviewer.
//!
//! `cargo xtask gen | new-service | proto | db | sqlx | validate | pg | tidy`; `./dev gen` and `./dev test` call it. It compiles without a database.

mod baseline;
mod db;
mod fleet;
mod generate;
mod new_service;
mod pg;
mod proto;
mod sqlx;
#[cfg(test)]
mod tests;
mod tidy;
mod validate;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

/// The result of a task; the error is a sentence for the user.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(about = "Generates and checks the committed artefacts of this workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Generate contracts/<service> from proto/bloom/<service>/v1/*.proto
    Proto {
        /// Change nothing; fail when the committed code differs
        #[arg(long)]
        check: bool,
    },
    /// Add what is new in the contracts to proto/baseline.txt; fail when a peer of an earlier version would break
    Baseline {
        /// Change nothing; fail when something is new, too
        #[arg(long)]
        check: bool,
        /// Write it as the contracts are now, though peers break
        #[arg(long, conflicts_with = "check")]
        accept: bool,
    },
    /// Recreate the schema of one service (or `all`) in the development database, for the checked SQL macros
    Db {
        /// A folder under migrations/, or `all`
        schema: String,
    },
    /// Regenerate the .sqlx folder of every crate that checks its SQL
    Sqlx {
        /// Put everything back; fail when the committed metadata differs
        #[arg(long)]
        check: bool,
    },
    /// Write everything that follows from fleet.toml: routes, permissions, lists of services, compose file, manifests
    Gen {
        /// Change nothing; fail when a committed file differs
        #[arg(long)]
        check: bool,
    },
    /// Write a new service with one resource, and everything that follows from it
    NewService(new_service::Names),
    /// Check manifests with kubernetes-validate, alert rules and dashboards with promtool
    Validate,
    /// Start, stop or erase a private PostgreSQL cluster of this checkout
    Pg {
        /// What to do
        action: pg::Action,
        /// Which cluster: dev, test, suite (of one `./dev test`)
        #[arg(default_value = "dev")]
        purpose: String,
    },
    /// Check the house rules that a program can check
    Tidy,
}

fn main() -> ExitCode {
    let workspace = Workspace::here();
    let outcome = match Arguments::parse().task {
        Task::Proto { check } => proto::run(&workspace, check),
        Task::Baseline { accept: true, .. } => baseline::run(&workspace, baseline::Mode::Accept),
        Task::Baseline { check: true, .. } => baseline::run(&workspace, baseline::Mode::Check),
        Task::Baseline { .. } => baseline::run(&workspace, baseline::Mode::Extend),
        Task::Db { schema } => db::run(&workspace, &schema),
        Task::Sqlx { check } => sqlx::run(&workspace, check),
        Task::Gen { check } => generate::run(&workspace, check),
        Task::NewService(names) => new_service::run(&workspace, &names),
        Task::Validate => validate::run(&workspace),
        Task::Pg { action, purpose } => pg::run(&workspace, action, &purpose),
        Task::Tidy => tidy::run(&workspace),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
