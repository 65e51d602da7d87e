//! Structured logs: one JSON line an event, never a token, a password, a message's content or an e-mail address.

use tracing_subscriber::EnvFilter;

use crate::config;

/// Starts logging for a function: JSON lines on standard output, as CloudWatch takes them, at `LOG_LEVEL`.
pub fn start() {
    let filter = EnvFilter::try_new(directives(&config::log_level())).unwrap_or_else(|_| EnvFilter::new(directives("info")));
    let lines = tracing_subscriber::fmt().json().without_time().with_target(false).with_span_list(false).with_env_filter(filter);
    // Lambda stamps each line itself; a second start (in tests) is no error.
    drop(lines.try_init());
}

/// A bare level is about our own code; of libraries only warnings are of interest. Anything else is a filter as it stands.
fn directives(level: &str) -> String {
    if level.chars().all(char::is_alphanumeric) { format!("warn,shared={level},functions={level}") } else { level.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::directives;

    #[test]
    fn a_bare_level_leaves_libraries_quiet() {
        assert_eq!(directives("debug"), "warn,shared=debug,functions=debug");
        assert_eq!(directives("info,sqlx=trace"), "info,sqlx=trace");
    }
}
