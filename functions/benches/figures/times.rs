//! Durations, percentiles and their formatting.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::Outcome;

/// Nanoseconds, up to a minute.
const LONGEST: u64 = 60_000_000_000;

/// A histogram of durations.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Outcome<Self> {
        Ok(Self(Histogram::new_with_max(LONGEST, 3)?))
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn p50(&self) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(0.5))
    }

    pub(crate) fn p99(&self) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(0.99))
    }

    /// Both percentiles in milliseconds.
    pub(crate) fn both(&self) -> String {
        format!("{} / {}", ms(self.p50()), ms(self.p99()))
    }
}

pub(crate) fn ms(time: Duration) -> String {
    let value = time.as_secs_f64() * 1e3;
    if value < 100.0 { format!("{value:.2} ms") } else { format!("{value:.0} ms") }
}

pub(crate) fn us(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}
