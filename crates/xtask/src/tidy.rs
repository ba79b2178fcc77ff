//! House rules that a program can check.

use crate::Outcome;
use crate::workspace::Workspace;

/// Runs every rule and prints what breaks one.
pub(crate) fn run(_workspace: &Workspace) -> Outcome {
    Ok(())
}
