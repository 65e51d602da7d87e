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
const PER_STRANGER_DIVISOR: u32 = 10;
/// Concurrent counter updates.
const IN_FLIGHT: usize = 16;
/// When the counters do not answer within this time, the action proceeds uncounted.
const COUNTER_TIMEOUT: Duration = Duration::from_millis(500);

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
    pub async fn count_contacts(&self, by: UserId, contacts: Contacts<'_>, now: Timestamp) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.count_contacts(by, contacts, now)).await,
            Self::Memory(memory) => match memory.reach {
                Some(limit) => memory.contacts.lock().await.count(by, contacts, limit),
                None => Ok(()),
            },
        }
    }
}

impl Cloud {
    async fn count_contacts(&self, by: UserId, contacts: Contacts<'_>, now: Timestamp) -> Result<()> {
        match tokio::time::timeout(COUNTER_TIMEOUT, self.count_all(by, contacts, now)).await {
            Ok(Err(error @ Error::Unavailable { .. })) => crate::push::log_push_failure("counting strangers", &error),
            Ok(counted) => return counted,
            Err(_) => tracing::warn!("contacts are not counted: the counter does not answer in time"),
        }
        Ok(())
    }

    async fn count_all(&self, by: UserId, contacts: Contacts<'_>, now: Timestamp) -> Result<()> {
        let limit = self.config.reach;
        let all = self.ephemeral.increment_by(&format!("reach#{by}"), cost(contacts), limit, now).await?;
        check_limit(all)?;
        let stranger_limit = per_stranger(limit);
        let keys: Vec<_> = contacts.strangers.iter().map(|user| format!("reach#{by}#{user}")).collect();
        for some in keys.chunks(IN_FLIGHT) {
            let counted = try_join_all(some.iter().map(|key| self.ephemeral.increment_by(key, 1, stranger_limit, now))).await?;
            counted.into_iter().try_for_each(check_limit)?;
        }
        Ok(())
    }
}

fn cost(contacts: Contacts<'_>) -> u32 {
    u32::try_from(contacts.strangers.len()).unwrap_or(u32::MAX).saturating_add(contacts.extra)
}

fn per_stranger(limit: Limit) -> Limit {
    Limit { quota: limit.quota.div_ceil(PER_STRANGER_DIVISOR), ..limit }
}

fn check_limit(hits: WindowCount) -> Result<()> {
    if hits.exceeds_limit() { Err(Error::TooMany { retry_after: hits.reset, policy: Some(hits.limit) }) } else { Ok(()) }
}

/// The counters in memory, within one window.
#[derive(Debug, Default)]
pub(super) struct ContactCounters(BTreeMap<(UserId, Option<UserId>), u32>);

impl ContactCounters {
    fn count(&mut self, by: UserId, contacts: Contacts<'_>, limit: Limit) -> Result<()> {
        let mut add = |key, cost: u32, limit: Limit| {
            let count = self.0.entry(key).or_default();
            *count = count.saturating_add(cost);
            check_limit(WindowCount { count: *count, limit, reset: limit.window })
        };
        add((by, None), cost(contacts), limit)?;
        contacts.strangers.iter().try_for_each(|user| add((by, Some(*user)), 1, per_stranger(limit)))
    }
}
