//! Prints the figures as Markdown for docs/measured.md, with a missed budget in bold.

use std::fmt;
use std::time::Duration;

use crate::process;
use crate::times::ms;

/// All measurements.
pub(crate) struct BenchReport {
    machine: String,
    /// Notes before and after the tables.
    load: (String, String),
    took: Duration,
    pub(crate) binaries: Vec<Binary>,
    rows: Vec<Row>,
}

/// A measurement.
pub(crate) struct Row {
    what: String,
    measured: String,
    floor: String,
    budget: &'static str,
    kept: bool,
}

/// A function as file and process.
pub(crate) struct Binary {
    pub(crate) name: String,
    /// From exec to the first poll.
    pub(crate) init: Duration,
    /// Memory in bytes after the first invocations.
    pub(crate) resident: u64,
    pub(crate) file: u64,
    pub(crate) zip: u64,
}

/// The limits of a function relative to the minimal one.
const MOST_INIT: f64 = 1.5;
const MOST_RESIDENT: u64 = 20_000_000;
const MOST_ZIP: u64 = 5_000_000;
/// `system` contains Swagger UI, `uploads` the decoders of pictures and the SDK of S3.
const MOST_ZIP_LARGE: u64 = 6_000_000;

impl BenchReport {
    pub(crate) fn new() -> Self {
        let load = (process::load(), String::new());
        Self { machine: process::machine(), load, took: Duration::ZERO, binaries: Vec::new(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Ends the report.
    pub(crate) fn end(&mut self, took: Duration) {
        (self.took, self.load.1) = (took, process::load());
    }
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), floor: String::new(), budget: "", kept: true }
    }

    /// Sets the lower bound.
    pub(crate) fn floor(self, floor: impl Into<String>) -> Self {
        Self { floor: floor.into(), ..self }
    }

    pub(crate) fn budget(self, budget: &'static str, kept: bool) -> Self {
        Self { budget, kept, ..self }
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = &self.load;
        let seconds = self.took.as_secs_f64();
        writeln!(out, "Measured on {} in {seconds:.0} s; load {before} before, {after} after.\n", self.machine)?;
        writeln!(out, "| function | init | × bare | resident | file | zip |\n|---|--:|--:|--:|--:|--:|")?;
        let bare = self.binaries.first().map_or(Duration::MAX, |bare| bare.init);
        for binary in &self.binaries {
            let ratio = binary.init.as_secs_f64() / bare.as_secs_f64();
            let (ratio, ratio_kept) = (format!("{ratio:.2}"), ratio <= MOST_INIT);
            let most_zip = if matches!(binary.name.as_str(), "system" | "uploads") { MOST_ZIP_LARGE } else { MOST_ZIP };
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                binary.name,
                ms(binary.init),
                marked(&ratio, ratio_kept),
                marked(&mb(binary.resident), binary.resident <= MOST_RESIDENT),
                mb(binary.file),
                marked(&mb(binary.zip), binary.zip <= most_zip),
            )?;
        }
        writeln!(out, "| *budget* | | ≤ 1.5 | ≤ 20 MB | | ≤ 5 MB; `system`, `uploads` ≤ 6 MB |\n")?;
        writeln!(out, "| what | measured | floor | budget |\n|---|--:|--:|--:|")?;
        for row in &self.rows {
            writeln!(out, "| {} | {} | {} | {} |", row.what, marked(&row.measured, row.kept), row.floor, row.budget)?;
        }
        Ok(())
    }
}

fn marked(text: &str, kept: bool) -> String {
    if kept { text.to_owned() } else { format!("**{text}**") }
}

/// Formats megabytes with one digit.
fn mb(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
