//! Token buckets in rows that the operation locks anyway: initially full, refilled evenly, `quota` tokens at most. They cost no statement.

use crate::error::{Error, Limit, RateStatus, Result};
use crate::store::members::TokenBucket;
use crate::telemetry::rate_status;
use crate::time::Timestamp;

/// Cost of one operation; buckets are stored in thousandths.
pub(crate) const TOKEN: i64 = 1000;

/// Takes one token from a bucket. Returns the tokens left now.
pub(crate) fn take_token(bucket: TokenBucket, limit: Limit, now: Timestamp) -> Result<i32> {
    let have = tokens(bucket, limit, now);
    if have < TOKEN {
        let wait_ms = (TOKEN - have) * window_ms(limit) / full(limit);
        let retry_after = u32::try_from(wait_ms.div_euclid(1000) + 1).unwrap_or(u32::MAX);
        return Err(Error::TooMany { retry_after, policy: Some(limit) });
    }
    let left = i32::try_from(have - TOKEN).unwrap_or(i32::MAX);
    rate_status::record_limit(rate(left, limit));
    Ok(left)
}

/// Returns the tokens in a bucket now, in thousandths.
pub(crate) fn tokens(bucket: TokenBucket, limit: Limit, now: Timestamp) -> i64 {
    let refill = now.since(bucket.filled_at).max(0).saturating_mul(full(limit)) / window_ms(limit);
    i64::from(bucket.left).saturating_add(refill).min(full(limit))
}

/// Returns the rate-limit status for the remaining tokens.
pub(crate) fn rate(left: i32, limit: Limit) -> RateStatus {
    let missing_ms = (full(limit) - i64::from(left)).max(0) * window_ms(limit) / full(limit);
    let reset = u32::try_from(missing_ms.div_euclid(1000) + i64::from(missing_ms % 1000 > 0)).unwrap_or(u32::MAX);
    RateStatus { limit, left: u32::try_from(i64::from(left) / TOKEN).unwrap_or(0), reset }
}

fn full(limit: Limit) -> i64 {
    i64::from(limit.quota) * TOKEN
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
        let mut bucket = TokenBucket { left: 0, filled_at: Timestamp(0) };
        for expected in [2000, 1000, 0] {
            bucket = TokenBucket { left: take_token(bucket, LIMIT, start).expect("there is some"), filled_at: start };
            assert_eq!(bucket.left, expected);
        }
        let refused = take_token(bucket, LIMIT, Timestamp(start.0 + 3000));
        assert!(matches!(refused, Err(Error::TooMany { retry_after: 1, policy: Some(LIMIT) })), "{refused:?}");
        assert_eq!(take_token(bucket, LIMIT, Timestamp(start.0 + 3334)).expect("refilled"), 0);
        assert_eq!(take_token(bucket, LIMIT, Timestamp(start.0 - 60_000)).err().map(|error| error.code()), Some("rate_limited"));
    }

    #[test]
    fn a_rate_has_the_remaining_tokens_and_the_time_until_full() {
        assert_eq!(rate(2000, LIMIT), RateStatus { limit: LIMIT, left: 2, reset: 4 });
        assert_eq!(rate(0, LIMIT), RateStatus { limit: LIMIT, left: 0, reset: 10 });
        assert_eq!(rate(3000, LIMIT), RateStatus { limit: LIMIT, left: 3, reset: 0 });
    }
}
