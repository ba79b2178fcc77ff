//! The import, its report, and what it passes on.

use std::collections::BTreeSet;

use bloom_fault::{Fault, Violation};
use bloom_kernel::{Aggregate, ImportId, Timestamp};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kind of the timer that works on an import; its key is the import's id.
pub(crate) const TIMER: &str = "catalog.import";
/// Kind of the timer that deletes an import.
pub(crate) const DELETE_TIMER: &str = "catalog.import_delete";
/// An upload that sends nothing for so long counts as interrupted.
pub(crate) const UPLOAD_TIMEOUT: TimeDelta = TimeDelta::seconds(120);
/// Longest line of an import.
pub(crate) const LINE_BYTES_MAX: usize = 256 * 1024;
/// Lines applied in one transaction.
pub(crate) const CHUNK_LINES: usize = 500;
/// A chunk is closed when it reaches this size.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;
/// Most violations reported for one line.
pub(crate) const LINE_ERRORS_MAX: usize = 10;
/// How long a finished import and its report are kept.
pub(crate) const RETENTION: TimeDelta = TimeDelta::days(30);

/// Lifecycle of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProductImportStatus")]
pub(crate) enum ImportStatus {
    /// The lines are arriving.
    Receiving,
    /// All lines have arrived and are being applied.
    Running,
    /// Every line is applied or in the report.
    Completed,
    /// The upload was interrupted; nothing was applied.
    Failed,
}

impl ImportStatus {
    /// The stored text.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// From the stored text.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "receiving" => Self::Receiving,
            "running" => Self::Running,
            "completed" => Self::Completed,
            _ => Self::Failed,
        }
    }
}

/// A bulk import and its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ProductImport")]
pub(crate) struct Import {
    pub(crate) id: ImportId,
    /// Lifecycle status.
    pub(crate) status: ImportStatus,
    /// Why it failed, as a code.
    pub(crate) failure: Option<String>,
    /// Bytes received.
    pub(crate) bytes: i64,
    /// Lines received; empty ones count, so that numbers match the file.
    pub(crate) lines: i64,
    /// Lines that are applied or in the report.
    pub(crate) lines_processed: i64,
    /// Lines with an error; see the report.
    pub(crate) lines_failed: i64,
    /// Products that the import created.
    pub(crate) products_created: i64,
    /// Products that the import changed.
    pub(crate) products_updated: i64,
    /// When it ended.
    pub(crate) finished_at: Option<Timestamp>,
    /// Version, raised by each change of status.
    pub(crate) version: i64,
    /// When it began.
    pub(crate) created_at: Timestamp,
    /// When it last made progress.
    pub(crate) updated_at: Timestamp,
}

/// A line of the report: an error of a line of the import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ProductImportError")]
pub(crate) struct LineError {
    /// Number of the line, from 1.
    pub(crate) line: i64,
    /// JSON Pointer of the field within the line.
    pub(crate) pointer: String,
    /// Code of the error.
    pub(crate) code: String,
    /// Sentence for people.
    pub(crate) message: String,
}

/// Prices and stock of an applied line, to be passed on to pricing and inventory; stored with its chunk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PushLine {
    pub(crate) line: i64,
    pub(crate) prices: Vec<PushPrice>,
    pub(crate) stock: Vec<PushStock>,
}

/// A price of a variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PushPrice {
    /// Pointer within the line.
    pub(crate) at: String,
    pub(crate) variant: String,
    pub(crate) currency: String,
    pub(crate) amount: i64,
}

/// Stock of a variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PushStock {
    /// Pointer within the line.
    pub(crate) at: String,
    pub(crate) variant: String,
    pub(crate) location: String,
    pub(crate) on_hand: i64,
}

/// How many lines the errors are about.
pub(crate) fn lines_of(errors: &[LineError]) -> i64 {
    let lines: BTreeSet<i64> = errors.iter().map(|error| error.line).collect();
    i64::try_from(lines.len()).unwrap_or_default()
}

/// Violations of a line as errors of the report.
pub(crate) fn report(line: i64, violations: Vec<Violation>) -> impl Iterator<Item = LineError> {
    violations.into_iter().take(LINE_ERRORS_MAX).map(move |Violation { pointer, code, message }| {
        // A quoted name may contain NUL, which the database cannot store.
        LineError { line, pointer: pointer.replace('\0', ""), code, message: message.replace('\0', "") }
    })
}

/// A refusal as violations of a line.
pub(crate) fn violations(fault: &Fault) -> Vec<Violation> {
    if fault.errors.is_empty() {
        let (code, message) = (fault.reason.to_string(), fault.public_detail().to_owned());
        return vec![Violation { pointer: String::new(), code, message }];
    }
    fault.errors.clone()
}

impl Import {
    /// An import whose upload begins.
    pub(crate) fn new(id: ImportId, now: Timestamp) -> Self {
        Self {
            id,
            status: ImportStatus::Receiving,
            failure: None,
            bytes: 0,
            lines: 0,
            lines_processed: 0,
            lines_failed: 0,
            products_created: 0,
            products_updated: 0,
            finished_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

impl Aggregate for Import {
    const NOUN: &'static str = "import";
    type Id = ImportId;

    fn id(&self) -> ImportId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn verb(&self) -> &'static str {
        "updated"
    }
}
