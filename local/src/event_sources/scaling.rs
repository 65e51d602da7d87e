//! How many batches of one mapping are processed at once: five to begin with, and five more for each second in which that was not enough (AWS: 300 a minute).

/// Batches of a mapping at once, by AWS's quota.
const MOST: usize = 1000;
const FIRST: usize = 5;
const STEP: usize = 5;
const STEP_MS: u64 = 1000;

#[derive(Debug)]
pub(super) struct Scaling {
    most: usize,
    limit: usize,
    /// Since when the limit has been reached.
    full_since: Option<u64>,
}

impl Scaling {
    pub(super) fn new(maximum_concurrency: Option<u32>) -> Self {
        let most = maximum_concurrency.and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST);
        Self { most, limit: FIRST.min(most), full_since: None }
    }

    /// The limit now, while so many batches are being processed.
    pub(super) fn limit(&mut self, running: usize, now: u64) -> usize {
        if running == 0 {
            self.limit = FIRST.min(self.most);
        }
        if running < self.limit {
            self.full_since = None;
            return self.limit;
        }
        let since = *self.full_since.get_or_insert(now);
        if now >= since + STEP_MS && self.limit < self.most {
            self.limit = (self.limit + STEP).min(self.most);
            self.full_since = None;
        }
        self.limit
    }

    /// When the limit rises next if it stays reached.
    pub(super) fn next_step(&self) -> u64 {
        match self.full_since {
            Some(since) if self.limit < self.most => since + STEP_MS,
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
