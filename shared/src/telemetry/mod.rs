//! Structured logs: one JSON line per event, without tokens, passwords, message content and e-mail addresses.

pub mod invocation;
pub mod rate_status;

use std::io::Write as _;
use std::panic::{self, PanicHookInfo};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config;
use crate::telemetry::invocation::Count;

/// Starts logging for a function: JSON lines on standard output at `LOG_LEVEL`.
pub fn start(function: &'static str) {
    invocation::name(function);
    let targets = filter(&config::log_level()).or_else(|_| filter("info")).unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).without_time().with_target(false);
    let lines = lines.with_span_list(false).with_current_span(false).with_filter(targets);
    let statements = StatementCounter.with_filter(Targets::new().with_target(STATEMENT, LevelFilter::DEBUG));
    // Lambda adds the timestamps; a second start (in tests) is not an error.
    drop(tracing_subscriber::registry().with(lines).with(statements).try_init());
    panic::set_hook(Box::new(log_panic));
}

/// Logs a panic's location only: its message can quote user content, for example after slicing a string inside a character.
fn log_panic(panic: &PanicHookInfo<'_>) {
    tracing::error!(at = panic.location().map(ToString::to_string), "panicked");
}

/// The target of the driver's statement events.
const STATEMENT: &str = concat!("sqlx", "::query");

/// Counts statements and rows from the driver's events.
struct StatementCounter;

impl<S: Subscriber> Layer<S> for StatementCounter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        invocation::count(Count::Statements);
        event.record(&mut RowVisitor);
    }
}

/// Reads the number of rows of a statement.
struct RowVisitor;

impl Visit for RowVisitor {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if matches!(field.name(), "rows_returned" | "rows_affected") {
            invocation::count_many(Count::Rows, value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Writes a line to standard output and ignores failures.
fn write(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Builds the filter: a bare level applies to this project's crates and leaves libraries at warnings; anything else is used as it is.
fn filter(level: &str) -> Result<Targets, ParseError> {
    if level.chars().all(char::is_alphanumeric) {
        format!("warn,shared={level},functions={level}").parse()
    } else {
        level.parse()
    }
}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing::Level;

    use super::{filter, log_panic};

    #[test]
    fn a_panic_is_a_line_that_says_where_and_quotes_nothing() {
        let (told, kept) = (Arc::new(Mutex::new(Vec::new())), panic::take_hook());
        let into = Arc::clone(&told);
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || Into(Arc::clone(&into))).finish();
        panic::set_hook(Box::new(log_panic));
        let cut = "between us 💌";
        let result = tracing::subscriber::with_default(lines, || panic::catch_unwind(|| cut[..12].len()));
        panic::set_hook(kept);
        assert!(result.is_err());
        let line: Value = serde_json::from_slice(&told.lock().expect("the lines")).expect("one line of JSON");
        assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("panicked")));
        assert!(line["at"].as_str().is_some_and(|at| at.contains("telemetry/mod.rs:")), "{line}");
        assert!(!line.to_string().contains("between us"), "{line}");
    }

    struct Into(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Into {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("the lines").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bare_level_leaves_libraries_quiet() {
        let debug = filter("debug").expect("a filter");
        assert!(debug.would_enable("shared::push", &Level::DEBUG) && debug.would_enable("functions::send", &Level::DEBUG));
        assert!(!debug.would_enable("tower::buffer", &Level::INFO) && debug.would_enable("tower::buffer", &Level::WARN));
    }

    #[test]
    fn a_filter_stands_as_it_is() {
        let chosen = filter("info,tower=trace").expect("a filter");
        assert!(chosen.would_enable("tower::buffer", &Level::TRACE) && chosen.would_enable("mio", &Level::INFO));
        assert!(!chosen.would_enable("shared", &Level::DEBUG));
        for wrong in ["loud", "info,tower=loud", "info,=="] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
    }
}
