//! Waiting for facts instead of times.

use std::time::{Duration, Instant};

/// A time that is too long even for a busy machine.
const TOO_LONG: Duration = Duration::from_secs(30);

/// Waits until this holds.
pub(crate) async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    until_within(TOO_LONG, what, holds).await;
}

/// Waits until this holds, at most for a time.
pub(crate) async fn until_within(time: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < time, "this did not become true within {time:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
