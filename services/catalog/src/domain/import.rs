//! A bulk import as a whole.

use bloom_kernel::{ImportId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest line of an import.
pub const LINE_BYTES_MAX: usize = 256 * 1024;
/// Lines applied in one transaction.
pub const CHUNK_LINES: usize = 500;
/// A chunk is closed when it reaches this size.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// Most violations reported for one line.
pub const LINE_ERRORS_MAX: usize = 10;
/// How long a finished import and its report are kept.
pub const RETENTION_DAYS: i64 = 30;

/// Where an import is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// The lines are arriving.
    Receiving,
    /// All lines are here; they are being applied.
    Running,
    /// Every line is applied or reported.
    Completed,
    /// The upload broke off; nothing was applied.
    Failed,
}

impl ImportStatus {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// From what is stored.
    pub fn of(text: &str) -> Self {
        match text {
            "receiving" => Self::Receiving,
            "running" => Self::Running,
            "completed" => Self::Completed,
            _ => Self::Failed,
        }
    }
}

/// A bulk import and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// Where it is in its life.
    pub status: ImportStatus,
    /// Why it failed, as a machine word.
    pub failure: Option<String>,
    /// Bytes received.
    pub bytes: i64,
    /// Lines received; empty ones count, so that numbers are those of the file.
    pub lines: i64,
    /// Lines that are done: applied, or reported.
    pub lines_processed: i64,
    /// Lines with something wrong; see the report.
    pub lines_failed: i64,
    /// Products that the import created.
    pub products_created: i64,
    /// Products that the import changed.
    pub products_updated: i64,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Counts its changes of status.
    pub version: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last went on.
    pub updated_at: Timestamp,
}

/// A line of the report: what was wrong with which line of the import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineError {
    /// Number of the line, from 1.
    pub line: i64,
    /// JSON Pointer of the field within the line.
    pub pointer: String,
    /// Machine word.
    pub code: String,
    /// Sentence for people.
    pub message: String,
}
