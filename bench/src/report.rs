//! Prints the results as a table, and writes them as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::Outcome;
use crate::machine::Cpu;

/// Which side of a bound is good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    AtLeast {
        must: f64,
        aim: f64,
    },
    AtMost {
        must: f64,
        aim: f64,
    },
    /// Reported without a bound.
    Nothing,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) wanted: Wanted,
    pub(crate) ours: String,
    pub(crate) peer: String,
    /// Microseconds per operation.
    pub(crate) cpu: Option<Cpu>,
    pub(crate) peer_cpu: Option<Cpu>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, figure: f64, unit: &'static str, wanted: Wanted) -> Self {
        let (ours, peer) = (String::new(), String::new());
        Self { what: what.into(), figure, unit, wanted, ours, peer, cpu: None, peer_cpu: None }
    }

    pub(crate) fn ours(mut self, text: impl Into<String>, cpu: Option<Cpu>) -> Self {
        self.ours = text.into();
        self.cpu = cpu;
        self
    }

    pub(crate) fn peer(mut self, text: impl Into<String>, cpu: Option<Cpu>) -> Self {
        self.peer = text.into();
        self.peer_cpu = cpu;
        self
    }

    fn verdict(&self) -> &'static str {
        let (holds, reached) = match self.wanted {
            Wanted::AtLeast { must, aim } => (must <= self.figure, aim <= self.figure),
            Wanted::AtMost { must, aim } => (self.figure <= must, self.figure <= aim),
            Wanted::Nothing => return "–",
        };
        match (holds, reached) {
            (_, true) => "reached",
            (true, false) => "holds",
            (false, false) => "MISSED",
        }
    }

    fn bounds(&self) -> [String; 2] {
        match self.wanted {
            Wanted::AtLeast { must, aim } => [format!("≥ {must}"), format!("≥ {aim}")],
            Wanted::AtMost { must, aim } => [format!("≤ {must}"), format!("≤ {aim}")],
            Wanted::Nothing => ["–".to_owned(), "–".to_owned()],
        }
    }

    fn cells(&self) -> Vec<String> {
        let [must, aim] = self.bounds();
        let part = |cpu: Option<Cpu>, of: fn(Cpu) -> f64| cpu.map_or("–".to_owned(), |cpu| number(of(cpu)));
        vec![
            self.what.clone(),
            format!("{} {}", number(self.figure), self.unit).trim().to_owned(),
            must,
            aim,
            self.verdict().to_owned(),
            self.ours.clone(),
            self.peer.clone(),
            part(self.cpu, |cpu| cpu.fleet),
            part(self.cpu, |cpu| cpu.postgres),
            part(self.cpu, |cpu| cpu.load),
            part(self.peer_cpu, |cpu| cpu.postgres + cpu.fleet),
        ]
    }

    fn json(&self) -> Value {
        let [must, aim] = self.bounds();
        let cpu = |cpu: Option<Cpu>| cpu.map(|cpu| json!({ "fleet": cpu.fleet, "postgres": cpu.postgres, "load": cpu.load }));
        json!({
            "row": self.what, "figure": self.figure, "unit": self.unit, "must": must, "aim": aim, "verdict": self.verdict(),
            "ours": self.ours, "peer": self.peer, "cpu_us": cpu(self.cpu), "peer_cpu_us": cpu(self.peer_cpu),
        })
    }
}

const HEAD: [&str; 11] = ["row", "figure", "must", "aim", "", "ours", "peer", "fleet", "PostgreSQL", "load", "peer"];

/// All results.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// Sentences below the table.
    pub(crate) notes: Vec<String>,
    /// Raw samples, for the file.
    pub(crate) raw: serde_json::Map<String, Value>,
}

impl Report {
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Prints the table; the last four columns are CPU microseconds per operation.
    pub(crate) fn print(&self) {
        let mut lines = vec![HEAD.map(str::to_owned).to_vec()];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        println!("\nThe last four columns are CPU-µs for one operation.\n");
        for (index, cells) in lines.iter().enumerate() {
            let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("| {} |", padded.join(" | "));
            if index == 0 {
                println!("|{}|", widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("|"));
            }
        }
        println!();
        for note in &self.notes {
            println!("{note}");
        }
    }

    /// Writes the results as JSON.
    pub(crate) fn write(&self, path: &Path) -> Outcome {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let text = serde_json::to_string_pretty(&json!({ "rows": rows, "notes": self.notes, "raw": self.raw }))?;
        std::fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
        println!("\nWritten to {}", path.display());
        Ok(())
    }
}

/// Formats a number with three significant digits.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        large if 100.0 <= large => format!("{value:.0}"),
        middle if 10.0 <= middle => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The median.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}
