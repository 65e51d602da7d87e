//! Metrics of a function: totals since the start, and percentiles of recent invocations. Memory is bounded.

use std::collections::VecDeque;
use std::time::Duration;

use crate::lambda::Outcome;
use crate::logs::Invocation;

/// Samples kept for percentiles.
const MAX_SAMPLES: usize = 1000;

/// Metrics of one function.
#[derive(Clone, Debug, Default)]
pub struct FunctionMetrics {
    /// Finished invocations.
    pub invocations: u64,
    /// Invocations that ended with a function error.
    pub failures: u64,
    /// Invocations with a cold start.
    pub cold_starts: u64,
    /// From delivery of the event to the result, of recent invocations.
    pub durations: Latencies,
    /// From exec to the first poll, of recent cold starts.
    pub starts: Latencies,
}

impl FunctionMetrics {
    pub(crate) fn add(&mut self, invocation: &Invocation) {
        self.invocations += 1;
        self.failures += u64::from(matches!(invocation.outcome, Outcome::FunctionError(_)));
        self.durations.add(invocation.duration);
        if let Some(start) = invocation.cold_start {
            self.cold_starts += 1;
            self.starts.add(start);
        }
    }
}

/// Recent durations in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies(VecDeque<u32>);

impl Latencies {
    fn add(&mut self, time: Duration) {
        if self.0.len() == MAX_SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// A percentile in microseconds; `None` without samples.
    pub fn percentile(&self, percent: usize) -> Option<u32> {
        let mut sorted: Vec<u32> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_thousand() {
        let mut times = Latencies::default();
        assert_eq!(times.percentile(50), None);
        for n in 0..5000 {
            times.add(Duration::from_micros(n));
        }
        assert_eq!(times.0.len(), MAX_SAMPLES);
        assert_eq!((times.percentile(50), times.percentile(99), times.percentile(100)), (Some(4499), Some(4989), Some(4999)));
    }
}
