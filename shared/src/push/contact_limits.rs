//! Limits on contacting strangers: a budget of its own, far below that of other actions, and a tenth of it per stranger.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::aws::ephemeral_table::WindowCount;
use crate::error::{Error, Limit, Result};
use crate::id::UserId;
use crate::push::{Cloud, Push};
use crate::time::Timestamp;

/// The limit per stranger is this fraction of the whole limit.
const OF_ONE: u32 = 10;
/// Concurrent counter updates.
const IN_FLIGHT: usize = 16;
/// When the counters do not answer within this time, the action proceeds uncounted.
const COUNTING: Duration = Duration::from_millis(500);

/// The cost of an action.
#[derive(Clone, Copy, Debug)]
pub struct Contacts<'a> {
    /// The strangers contacted; each counts once.
    pub strangers: &'a [UserId],
    /// Additional cost.
    pub extra: u32,
}

impl Push {
    /// Counts an action that contacts strangers. Refuses it beyond the total limit or the limit per stranger; allows it while the counters are
    /// unavailable.
    pub async fn count_contacts(&self, by: UserId, reached: Contacts<'_>, now: Timestamp) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.count_contacts(by, reached, now)).await,
            Self::Memory(memory) => match memory.reach {
                Some(limit) => memory.reached.lock().await.count(by, reached, limit),
                None => Ok(()),
            },
        }
    }
}

impl Cloud {
    async fn count_contacts(&self, by: UserId, reached: Contacts<'_>, now: Timestamp) -> Result<()> {
        match tokio::time::timeout(COUNTING, self.count_reached(by, reached, now)).await {
            Ok(Err(error @ Error::Unavailable { .. })) => crate::push::log_push_failure("counting strangers", &error),
            Ok(counted) => return counted,
            Err(_) => tracing::warn!("contacts are not counted: the counter does not answer in time"),
        }
        Ok(())
    }

    async fn count_reached(&self, by: UserId, reached: Contacts<'_>, now: Timestamp) -> Result<()> {
        let limit = self.config.reach;
        let all = self.ephemeral.increment_by(&format!("reach#{by}"), cost(reached), limit, now).await?;
        passed(all)?;
        let of_one = of_one(limit);
        let keys: Vec<_> = reached.strangers.iter().map(|user| format!("reach#{by}#{user}")).collect();
        for some in keys.chunks(IN_FLIGHT) {
            let counted = try_join_all(some.iter().map(|key| self.ephemeral.increment_by(key, 1, of_one, now))).await?;
            counted.into_iter().try_for_each(passed)?;
        }
        Ok(())
    }
}

fn cost(reached: Contacts<'_>) -> u32 {
    u32::try_from(reached.strangers.len()).unwrap_or(u32::MAX).saturating_add(reached.extra)
}

fn of_one(limit: Limit) -> Limit {
    Limit { quota: limit.quota.div_ceil(OF_ONE), ..limit }
}

fn passed(hits: WindowCount) -> Result<()> {
    if hits.exceeds_limit() { Err(Error::TooMany { retry_after: hits.reset, policy: Some(hits.limit) }) } else { Ok(()) }
}

/// The counters in memory, within one window.
#[derive(Debug, Default)]
pub(super) struct ContactCounters(BTreeMap<(UserId, Option<UserId>), u32>);

impl ContactCounters {
    fn count(&mut self, by: UserId, reached: Contacts<'_>, limit: Limit) -> Result<()> {
        let mut add = |key, cost: u32, limit: Limit| {
            let count = self.0.entry(key).or_default();
            *count = count.saturating_add(cost);
            passed(WindowCount { count: *count, limit, reset: limit.window })
        };
        add((by, None), cost(reached), limit)?;
        reached.strangers.iter().try_for_each(|user| add((by, Some(*user)), 1, of_one(limit)))
    }
}
