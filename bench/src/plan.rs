//! Sizes and durations of a run.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::Outcome;

/// The command line.
#[derive(Parser)]
#[command(name = "bloom-bench", about = "Ratios of the platform to raw SQL and to HAProxy, in one run")]
pub(crate) struct Arguments {
    /// A small run that shows that the bench works; its figures mean little.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Seconds of one side of a comparison, once; for a profiler that wants to look longer.
    #[arg(long)]
    turn: Option<u64>,
    /// Only these rows.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
    /// The platform's executable; the one beside this program when absent.
    #[arg(long, env = "BLOOM_BENCH_PROGRAM")]
    program: Option<PathBuf>,
    /// Leave the database running, to look into it.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// A part of the run that can be chosen.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Pages of the product list.
    List,
    /// From a price change to the list.
    Events,
    /// Purchases.
    Orders,
    /// The gateway against a known proxy.
    Front,
}

/// Sizes and durations of a run.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Products of the large tenant.
    pub(crate) products: u32,
    /// Products of the large tenant when the list is measured first.
    pub(crate) products_first: u32,
    /// Products of the small tenant.
    pub(crate) products_small: u32,
    /// Duration of one side of a comparison.
    pub(crate) turn: Duration,
    /// Number of A, B, B, A comparisons.
    pub(crate) rounds: u32,
    /// Number of purchases whose statements are recorded.
    pub(crate) recorded: u64,
    /// Duration of the price changes.
    pub(crate) changes: Duration,
    /// Wait before idle memory is read.
    pub(crate) rest: Duration,
}

impl Arguments {
    /// The plan for these arguments.
    pub(crate) fn plan(&self) -> Plan {
        let plan = self.size();
        Plan { turn: self.turn.map_or(plan.turn, Duration::from_secs), ..plan }
    }

    fn size(&self) -> Plan {
        if self.quick {
            return Plan {
                products: 2_000,
                products_first: 1_000,
                products_small: 50,
                turn: Duration::from_secs(3),
                rounds: 1,
                recorded: 100,
                changes: Duration::from_secs(3),
                rest: Duration::from_secs(2),
            };
        }
        Plan {
            products: 100_000,
            products_first: 1_000,
            products_small: 50,
            turn: Duration::from_secs(15),
            rounds: 2,
            recorded: 2_000,
            changes: Duration::from_secs(20),
            rest: Duration::from_secs(10),
        }
    }

    /// Whether a part was selected.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The platform's executable.
    pub(crate) fn program(&self) -> Outcome<PathBuf> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.with_file_name("bloom"),
        };
        if !program.exists() {
            return Err(format!("{} is not there: ./dev bench builds it", program.display()).into());
        }
        Ok(program)
    }
}
