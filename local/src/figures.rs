//! How a function did: totals since the start, and percentiles of its last invocations. What is kept does not grow with what happens.

use std::{collections::VecDeque, time::Duration};

use crate::{lambda::Outcome, logs::Invocation};

/// Times kept for percentiles, of each kind.
const KEPT: usize = 1000;

/// The figures of one function.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Invocations that ended.
    pub invocations: u64,
    /// Those that ended with an error of the function.
    pub failures: u64,
    /// Those that an instance was started for.
    pub cold_starts: u64,
    /// From the event's delivery to the result, of the last invocations.
    pub durations: Times,
    /// From exec to the first poll, of the last cold starts.
    pub starts: Times,
}

impl Figures {
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

/// The last times, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Times(VecDeque<u32>);

impl Times {
    fn add(&mut self, time: Duration) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// The time in microseconds that so many of a hundred did not exceed; `None` without any.
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
        let mut times = Times::default();
        assert_eq!(times.percentile(50), None);
        for n in 0..5000 {
            times.add(Duration::from_micros(n));
        }
        assert_eq!(times.0.len(), KEPT);
        assert_eq!((times.percentile(50), times.percentile(99), times.percentile(100)), (Some(4499), Some(4989), Some(4999)));
    }
}
