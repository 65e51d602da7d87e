//! Structured logs: one JSON line an event, never a token, a password, a message's content or an e-mail address.

pub mod invocation;

use std::io::Write as _;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config;
use crate::telemetry::invocation::Count;

/// Starts logging for a function: JSON lines on standard output, as CloudWatch takes them, at `LOG_LEVEL`.
pub fn start(function: &'static str) {
    invocation::name(function);
    let targets = filter(&config::log_level()).or_else(|_| filter("info")).unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).without_time().with_target(false);
    let lines = lines.with_span_list(false).with_current_span(false).with_filter(targets);
    let statements = Statements.with_filter(Targets::new().with_target(STATEMENT, LevelFilter::DEBUG));
    // Lambda stamps each line itself; a second start (in tests) is no error.
    drop(tracing_subscriber::registry().with(lines).with(statements).try_init());
}

/// Where the driver tells of each statement.
const STATEMENT: &str = concat!("sqlx", "::query");

/// Counts statements by what the driver tells of them.
struct Statements;

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        invocation::count(Count::Statements);
    }
}

/// A line on standard output. Where nobody reads it there is nothing to do about it.
fn write(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A bare level is about our own code; of libraries only warnings are of interest. Anything else is a filter as it stands.
fn filter(level: &str) -> Result<Targets, ParseError> {
    if level.chars().all(char::is_alphanumeric) {
        format!("warn,shared={level},functions={level}").parse()
    } else {
        level.parse()
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::filter;

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
