//! The clock of queues and event sources: the system time plus an offset that tests advance.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::sleep;

/// Milliseconds since 1970. Clones share the same offset.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<watch::Sender<u64>>);

impl Clock {
    pub fn now(&self) -> u64 {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        milliseconds(system) + *self.0.borrow()
    }

    /// Moves the clock forward and wakes every task whose time has come.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|offset| *offset += milliseconds(by));
    }

    /// Waits until the clock reaches this time.
    pub(crate) async fn sleep_until(&self, at: u64) {
        let mut offset = self.0.subscribe();
        loop {
            let left = at.saturating_sub(self.now());
            if left == 0 {
                return;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(left)) => {}
                _ = offset.changed() => {}
            }
        }
    }
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_advanced_clock_wakes_what_waits_for_it() {
        let clock = Clock::default();
        let at = clock.now() + 3_600_000;
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(at).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_mins(59));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_mins(1));
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    }
}
