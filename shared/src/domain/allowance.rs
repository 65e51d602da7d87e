//! Token buckets on rows that an act locks anyway: full at first, refilled evenly, at most `quota` at once. They cost no statement.

use crate::error::{Error, Limit, Rate, Result};
use crate::telemetry::standing;
use crate::time::Timestamp;

/// What one act costs; a bucket is kept in thousandths.
const COST: i64 = 1000;

/// Takes one out of a bucket, known by what was left in it when it was last filled. Gives what is left now.
pub(super) fn spend((left, filled_at): (i32, Timestamp), limit: Limit, now: Timestamp) -> Result<i32> {
    let full = full(limit);
    let refill = now.since(filled_at).max(0).saturating_mul(full) / window_ms(limit);
    let have = i64::from(left).saturating_add(refill).min(full);
    if have < COST {
        let wait_ms = (COST - have) * window_ms(limit) / full;
        let retry_after = u32::try_from(wait_ms.div_euclid(1000) + 1).unwrap_or(u32::MAX);
        return Err(Error::TooMany { retry_after, policy: Some(limit) });
    }
    let left = i32::try_from(have - COST).unwrap_or(i32::MAX);
    standing::counted(rate(left, limit));
    Ok(left)
}

/// How one stands with so much left.
pub(super) fn rate(left: i32, limit: Limit) -> Rate {
    let missing_ms = (full(limit) - i64::from(left)).max(0) * window_ms(limit) / full(limit);
    let reset = u32::try_from(missing_ms.div_euclid(1000) + i64::from(missing_ms % 1000 > 0)).unwrap_or(u32::MAX);
    Rate { limit, left: u32::try_from(i64::from(left) / COST).unwrap_or(0), reset }
}

fn full(limit: Limit) -> i64 {
    i64::from(limit.quota) * COST
}

fn window_ms(limit: Limit) -> i64 {
    i64::from(limit.window) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { quota: 3, window: 10 };

    #[test]
    fn a_bucket_is_full_at_first_and_fills_evenly() {
        let start = Timestamp(1_700_000_000_000);
        let mut left = 0;
        let mut filled_at = Timestamp(0);
        for expected in [2000, 1000, 0] {
            left = spend((left, filled_at), LIMIT, start).expect("there is some");
            filled_at = start;
            assert_eq!(left, expected);
        }
        let refused = spend((left, filled_at), LIMIT, Timestamp(start.0 + 3000));
        assert!(matches!(refused, Err(Error::TooMany { retry_after: 1, policy: Some(LIMIT) })), "{refused:?}");
        assert_eq!(spend((left, filled_at), LIMIT, Timestamp(start.0 + 3334)).expect("refilled"), 0);
        assert_eq!(
            spend((left, filled_at), LIMIT, Timestamp(start.0 - 60_000)).err().map(|error| error.code()),
            Some("rate_limited")
        );
    }

    #[test]
    fn a_rate_says_what_is_left_and_when_all_is_back() {
        assert_eq!(rate(2000, LIMIT), Rate { limit: LIMIT, left: 2, reset: 4 });
        assert_eq!(rate(0, LIMIT), Rate { limit: LIMIT, left: 0, reset: 10 });
        assert_eq!(rate(3000, LIMIT), Rate { limit: LIMIT, left: 3, reset: 0 });
    }
}
