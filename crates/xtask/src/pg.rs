//! Manages the private PostgreSQL clusters of this checkout, for shell scripts.

use bloom_pgdev::{Cluster, Options};

use crate::Outcome;
use crate::workspace::Workspace;

/// What to do with a cluster.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Action {
    /// Make sure it runs, and print its URL (superuser, Unix socket)
    Start,
    /// Stop it
    Stop,
    /// Stop it and delete its data
    Erase,
}

/// Runs one action. Clusters for tests run without durability, which is faster.
pub(crate) fn run(workspace: &Workspace, action: Action, purpose: &str) -> Outcome {
    let cluster = Cluster::open(&workspace.root, purpose);
    match action {
        Action::Start => {
            let options = if ["test", "suite"].contains(&purpose) { Options::volatile() } else { Options::durable() };
            println!("{}", cluster.start(&options)?.url("postgres", "postgres"));
        }
        Action::Stop => cluster.stop()?,
        Action::Erase => cluster.erase()?,
    }
    Ok(())
}
