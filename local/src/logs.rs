//! Terminal output: one line per invocation, followed by the function's warnings and errors. All output goes through this module.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::lambda::Outcome;
use crate::metrics::FunctionMetrics;

/// How much of an invocation is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing, for tests.
    #[default]
    Silent,
    /// One line per invocation, and the function's warnings and errors.
    Brief,
    /// Also every line that the function prints.
    Verbose,
}

/// A finished invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Logical id of the function.
    pub function: String,
    pub request_id: String,
    pub pid: u32,
    /// When it ended.
    pub at: SystemTime,
    /// From delivery of the event to the result.
    pub duration: Duration,
    /// From exec to the first poll, if the invocation started its instance.
    pub cold_start: Option<Duration>,
    /// The event; empty if large.
    pub event: Bytes,
    /// The outcome; a large result is omitted.
    pub outcome: Outcome,
    /// The function's output, truncated if long.
    pub lines: Vec<String>,
}

/// Recent invocations, and the terminal.
#[derive(Debug, Default)]
pub struct Journal {
    detail: Detail,
    reader: Option<Observer>,
    kept: Mutex<History>,
}

/// A callback for every invocation.
struct Observer(Box<dyn Fn(&Invocation) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

#[derive(Debug, Default)]
struct History {
    recent: VecDeque<(u64, Arc<Invocation>)>,
    figures: BTreeMap<String, FunctionMetrics>,
    /// Number of the last invocation, from 1.
    last: u64,
}

/// Number of kept invocations, and of bytes kept of each event, result and output.
const KEPT: usize = 200;
const KEPT_BYTES: usize = 16 * 1024;

impl Journal {
    /// A journal that prints with this level of detail.
    pub fn new(detail: Detail) -> Self {
        Self { detail, ..Self::default() }
    }

    /// A silent journal that passes each finished invocation with all its output to a callback.
    pub fn with_observer(reader: impl Fn(&Invocation) + Send + Sync + 'static) -> Self {
        Self { reader: Some(Observer(Box::new(reader))), ..Self::default() }
    }

    /// Recent invocations, oldest first.
    pub fn recent(&self) -> Vec<Invocation> {
        self.kept().recent.iter().map(|(_, invocation)| Invocation::clone(invocation)).collect()
    }

    /// Recent invocations with a higher number, oldest first; numbers grow by one.
    pub fn since(&self, number: u64) -> Vec<(u64, Arc<Invocation>)> {
        self.kept().recent.iter().filter(|(own, _)| *own > number).cloned().collect()
    }

    /// Metrics of each function that has run.
    pub fn metrics(&self) -> BTreeMap<String, FunctionMetrics> {
        self.kept().figures.clone()
    }

    /// Prints a line that does not belong to an invocation.
    pub fn note(&self, line: &str) {
        if self.detail != Detail::Silent {
            print_line(line);
        }
    }

    pub(crate) fn record(&self, mut invocation: Invocation) {
        if self.detail != Detail::Silent {
            print_line(&text(&invocation, self.detail));
        }
        if let Some(Observer(read)) = &self.reader {
            read(&invocation);
        }
        let (Outcome::Success(body) | Outcome::FunctionError(body)) = &mut invocation.outcome;
        for payload in [body, &mut invocation.event] {
            if payload.len() > KEPT_BYTES {
                *payload = Bytes::new();
            }
        }
        shorten(&mut invocation.lines);
        let mut kept = self.kept();
        kept.figures.entry(invocation.function.clone()).or_default().add(&invocation);
        kept.last += 1;
        if kept.recent.len() == KEPT {
            kept.recent.pop_front();
        }
        let number = kept.last;
        kept.recent.push_back((number, Arc::new(invocation)));
    }

    fn kept(&self) -> MutexGuard<'_, History> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shorten(lines: &mut Vec<String>) {
    let mut room = KEPT_BYTES;
    let fitting = lines.iter().take_while(|line| room.checked_sub(line.len()).map(|rest| room = rest).is_some()).count();
    let left_out = lines.len() - fitting;
    if left_out > 0 {
        lines.truncate(fitting);
        lines.push(format!("… and {left_out} more lines, which are not kept"));
    }
}

/// Prints a line; ignores a closed terminal.
pub fn print_line(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn text(invocation: &Invocation, detail: Detail) -> String {
    let (at, result) = (clock(invocation.at.into()), result(&invocation.outcome));
    let mut text = format!("{at}  {:<14}{:>9.1} ms  {result}", invocation.function, milliseconds(invocation.duration));
    if let Some(cold) = invocation.cold_start {
        let _ = write!(text, "  cold start {:.1} ms", milliseconds(cold));
    }
    for line in &invocation.lines {
        if detail == Detail::Verbose {
            let _ = write!(text, "\n      {line}");
        } else if let Some(short) = worth_showing(line).filter(|short| !result.contains(short)) {
            // The error of a process that did not start includes its last output.
            let _ = write!(text, "\n      {short}");
        }
    }
    text
}

/// The time of day.
pub(crate) fn clock(at: OffsetDateTime) -> String {
    at.format(format_description!("[hour]:[minute]:[second].[subsecond digits:3]")).unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The status of a proxy response, `ok` for another result, or type and message of an error.
pub(crate) fn result(outcome: &Outcome) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shaped {
        status_code: Option<u16>,
    }
    #[derive(serde::Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Failure {
        error_type: String,
        error_message: String,
    }
    match outcome {
        Outcome::Success(body) => match serde_json::from_slice(body) {
            Ok(Shaped { status_code: Some(status) }) => status.to_string(),
            _ => "ok".into(),
        },
        Outcome::FunctionError(body) => {
            let failure: Failure = serde_json::from_slice(body).unwrap_or_default();
            format!("FAILED {}: {}", failure.error_type, failure.error_message.replace('\n', "\n      "))
        }
    }
}

/// Shows a JSON log line from `warn` up as `LEVEL message key=value`. Other lines come from a panic or a print and are always shown.
fn worth_showing(line: &str) -> Option<String> {
    let Ok(Value::Object(log)) = serde_json::from_str::<Value>(line) else {
        return (!line.trim().is_empty()).then(|| line.to_owned());
    };
    let level = log.get("level").and_then(Value::as_str).unwrap_or("INFO").to_uppercase();
    if !matches!(level.as_str(), "WARN" | "WARNING" | "ERROR" | "FATAL") {
        return None;
    }
    let fields = log.get("fields").and_then(Value::as_object).unwrap_or(&log);
    let mut shown = level;
    if let Some(message) = fields.get("message").and_then(Value::as_str) {
        let _ = write!(shown, " {message}");
    }
    for (key, value) in
        fields.iter().filter(|(key, _)| !matches!(key.as_str(), "message" | "level" | "timestamp" | "target" | "span" | "spans"))
    {
        let _ = match value {
            Value::String(text) => write!(shown, " {key}={text}"),
            other => write!(shown, " {key}={other}"),
        };
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_shown_and_information_is_not() {
        assert_eq!(worth_showing(r#"{"timestamp":"…","level":"INFO","fields":{"message":"fine"}}"#), None);
        assert_eq!(
            worth_showing(r#"{"timestamp":"…","level":"WARN","fields":{"message":"slow","ms":12},"target":"x"}"#).as_deref(),
            Some("WARN slow ms=12")
        );
        assert_eq!(worth_showing(r#"{"level":"error","message":"gone","code":"410"}"#).as_deref(), Some("ERROR gone code=410"));
        assert_eq!(worth_showing("thread 'main' panicked").as_deref(), Some("thread 'main' panicked"));
    }

    #[test]
    fn a_line_says_what_came_of_an_invocation() {
        assert_eq!(result(&Outcome::Success(Bytes::from_static(br#"{"statusCode":201,"body":"x"}"#))), "201");
        assert_eq!(result(&Outcome::Success(Bytes::from_static(b"null"))), "ok");
        assert_eq!(
            result(&Outcome::FunctionError(Bytes::from_static(br#"{"errorType":"E","errorMessage":"m"}"#))),
            "FAILED E: m"
        );
    }

    #[test]
    fn the_journal_keeps_the_last_invocations() {
        let journal = Journal::default();
        for n in 0..KEPT + 3 {
            journal.record(Invocation {
                function: "f".into(),
                request_id: n.to_string(),
                pid: 1,
                at: SystemTime::UNIX_EPOCH,
                duration: Duration::ZERO,
                cold_start: None,
                event: Bytes::from(vec![b' '; KEPT_BYTES + 1]),
                outcome: Outcome::Success(Bytes::from_static(b"1")),
                lines: vec!["x".repeat(KEPT_BYTES / 2); 3],
            });
        }
        let recent = journal.recent();
        assert_eq!((recent.len(), recent[0].request_id.as_str()), (KEPT, "3"));
        assert!(recent[0].event.is_empty(), "a large event is not kept");
        assert_eq!(recent[0].lines[2], "… and 1 more lines, which are not kept");
        let since: Vec<u64> = journal.since(201).into_iter().map(|(number, _)| number).collect();
        assert_eq!(since, [202, 203]);
        assert_eq!(journal.metrics()["f"].invocations, 203);
    }
}
