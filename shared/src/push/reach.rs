//! Counting whom one reaches that is a stranger: a budget of its own, far below that of other acts, and of one stranger a small part of it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::error::{Error, Limit, Result};
use crate::id::UserId;
use crate::push::ephemeral::Hits;
use crate::push::{Cloud, Push};
use crate::time::Timestamp;

/// One stranger is reached no oftener than this part of the limit.
const OF_ONE: u32 = 10;
/// Counters under way at once.
const IN_FLIGHT: usize = 16;
/// It goes on uncounted when the counters do not answer by then.
const COUNTING: Duration = Duration::from_millis(500);

/// What an act costs.
#[derive(Clone, Copy, Debug)]
pub struct Reached<'a> {
    /// The strangers whom it reaches, each counts once.
    pub strangers: &'a [UserId],
    /// What it costs besides.
    pub more: u32,
}

impl Push {
    /// Counts an act that reaches strangers; refused once there were too many, in all or of one of them. Open while it cannot be counted.
    pub async fn reach(&self, by: UserId, reached: Reached<'_>, now: Timestamp) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.reach(by, reached, now)).await,
            Self::Memory(memory) => match memory.reach {
                Some(limit) => memory.reached.lock().await.count(by, reached, limit),
                None => Ok(()),
            },
        }
    }
}

impl Cloud {
    async fn reach(&self, by: UserId, reached: Reached<'_>, now: Timestamp) -> Result<()> {
        match tokio::time::timeout(COUNTING, self.count_reached(by, reached, now)).await {
            Ok(Err(error @ Error::Unavailable { .. })) => crate::push::unheard("counting strangers", &error),
            Ok(counted) => return counted,
            Err(_) => tracing::warn!("strangers went uncounted: the counter does not answer in time"),
        }
        Ok(())
    }

    async fn count_reached(&self, by: UserId, reached: Reached<'_>, now: Timestamp) -> Result<()> {
        let limit = self.config.reach;
        let all = self.ephemeral.hits(&format!("reach#{by}"), cost(reached), limit, now).await?;
        passed(all)?;
        let of_one = of_one(limit);
        let keys: Vec<_> = reached.strangers.iter().map(|user| format!("reach#{by}#{user}")).collect();
        for some in keys.chunks(IN_FLIGHT) {
            let counted = try_join_all(some.iter().map(|key| self.ephemeral.hits(key, 1, of_one, now))).await?;
            counted.into_iter().try_for_each(passed)?;
        }
        Ok(())
    }
}

fn cost(reached: Reached<'_>) -> u32 {
    u32::try_from(reached.strangers.len()).unwrap_or(u32::MAX).saturating_add(reached.more)
}

fn of_one(limit: Limit) -> Limit {
    Limit { quota: limit.quota.div_ceil(OF_ONE), ..limit }
}

fn passed(hits: Hits) -> Result<()> {
    if hits.are_too_many() { Err(Error::TooMany { retry_after: hits.reset, policy: Some(hits.limit) }) } else { Ok(()) }
}

/// The same in memory, within one window.
#[derive(Debug, Default)]
pub(super) struct Counted(BTreeMap<(UserId, Option<UserId>), u32>);

impl Counted {
    fn count(&mut self, by: UserId, reached: Reached<'_>, limit: Limit) -> Result<()> {
        let mut add = |key, cost: u32, limit: Limit| {
            let count = self.0.entry(key).or_default();
            *count = count.saturating_add(cost);
            passed(Hits { count: *count, limit, reset: limit.window })
        };
        add((by, None), cost(reached), limit)?;
        reached.strangers.iter().try_for_each(|user| add((by, Some(*user)), 1, of_one(limit)))
    }
}
