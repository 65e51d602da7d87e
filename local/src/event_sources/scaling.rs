//! Concurrency of one mapping: starts at five batches and rises by five for each second at the limit (AWS: 300 a minute).

/// AWS's quota of concurrent batches per mapping.
const MAX_CONCURRENCY: usize = 1000;
const INITIAL_CONCURRENCY: usize = 5;
const CONCURRENCY_STEP: usize = 5;
const STEP_MS: u64 = 1000;

#[derive(Debug)]
pub(super) struct Scaling {
    max: usize,
    limit: usize,
    /// When the limit was reached; `None` below it.
    full_since: Option<u64>,
}

impl Scaling {
    pub(super) fn new(maximum_concurrency: Option<u32>) -> Self {
        let max = maximum_concurrency.and_then(|max| usize::try_from(max).ok()).unwrap_or(MAX_CONCURRENCY);
        Self { max, limit: INITIAL_CONCURRENCY.min(max), full_since: None }
    }

    /// The current limit, given the number of running batches.
    pub(super) fn limit(&mut self, running: usize, now: u64) -> usize {
        if running == 0 {
            self.limit = INITIAL_CONCURRENCY.min(self.max);
        }
        if running < self.limit {
            self.full_since = None;
            return self.limit;
        }
        let since = *self.full_since.get_or_insert(now);
        if now >= since + STEP_MS && self.limit < self.max {
            self.limit = (self.limit + CONCURRENCY_STEP).min(self.max);
            self.full_since = None;
        }
        self.limit
    }

    /// When the limit next rises if it stays reached.
    pub(super) fn next_step(&self) -> u64 {
        match self.full_since {
            Some(since) if self.limit < self.max => since + STEP_MS,
            _ => u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_rises_while_it_is_reached_and_falls_when_nothing_runs() {
        let mut scaling = Scaling::new(Some(12));
        assert_eq!([scaling.limit(0, 0), scaling.limit(4, 5000), scaling.limit(5, 6000)], [5, 5, 5]);
        assert_eq!((scaling.next_step(), scaling.limit(5, 6999)), (7000, 5));
        assert_eq!([scaling.limit(5, 7000), scaling.limit(10, 7001), scaling.limit(10, 8001)], [10, 10, 12]);
        assert_eq!((scaling.limit(12, 99_999), scaling.next_step()), (12, u64::MAX));
        assert_eq!(scaling.limit(0, 100_000), 5);
        assert_eq!(Scaling::new(Some(2)).limit(2, 0), 2);
    }
}
