//! Rate limits without a row to count in: registrations, logins, sockets, frames that only read.

mod attempts;
pub(crate) mod network;
mod socket_frames;

use std::time::Duration;

use crate::aws::ephemeral_table::{Ephemeral, WindowCount};
use crate::caller::Caller;
use crate::config::{Limits, Quota};
use crate::domain::limits::work_budget::WorkLedger;
use crate::error::{Error, Limit, RateStatus, Result};
use crate::id::UserId;
use crate::telemetry::rate_status;
use crate::time::Timestamp;

pub(crate) use attempts::FailureLevel;
pub use socket_frames::SocketFrameLimit;

/// Timeout of counters that fail open.
const COUNT_TIMEOUT: Duration = Duration::from_millis(500);

/// Counts operations against the configured limits.
#[derive(Clone, Debug)]
pub struct Throttle {
    pub(crate) ephemeral: Ephemeral,
    pub(crate) limits: Limits,
    pub(crate) ledger: WorkLedger,
}

impl Throttle {
    pub fn new(ephemeral: Ephemeral, limits: Limits) -> Self {
        Self { ephemeral, limits, ledger: WorkLedger::default() }
    }

    /// Counts a socket or a ticket for one. Fails open.
    pub async fn connect(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.count_fail_open(&format!("connect#{user}"), self.limits.connect, now).await.map(drop)
    }

    /// Counts an announced upload. Fails open; the number of unused uploads is limited separately.
    pub(crate) async fn upload(&self, caller: &Caller) -> Result<()> {
        self.count_fail_open(&format!("upload#{}", caller.user), self.limits.upload, caller.now).await.map(drop)
    }

    /// Counts completing or discarding an upload, under the same limit as announcing but separately.
    pub(crate) async fn finish_upload(&self, caller: &Caller) -> Result<()> {
        self.count_fail_open(&format!("look#{}", caller.user), self.limits.upload, caller.now).await.map(drop)
    }

    pub fn quota(&self) -> Quota {
        self.limits.quota
    }

    /// Counts a search. Fails open, because its work is bounded.
    pub(crate) async fn search(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.count_fail_open(&format!("search#{user}"), self.limits.search, now).await.map(drop)
    }

    /// Counts a change other than writing, such as creating rooms, inviting, reporting. Fails open. Returns the rate-limit status.
    pub async fn act(&self, caller: &Caller) -> Result<Option<RateStatus>> {
        Ok(self.count_fail_open(&format!("act#{}", caller.user), self.limits.act, caller.now).await?.map(WindowCount::rate))
    }

    /// Counts, and fails open.
    pub(crate) async fn count_fail_open(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Option<WindowCount>> {
        match self.try_count(key, limit, now).await {
            Some(hits) if hits.exceeds_limit() => Err(Error::TooMany { retry_after: hits.reset, policy: Some(limit) }),
            hits => {
                if let Some(hits) = hits {
                    rate_status::record_limit(hits.rate());
                }
                Ok(hits)
            }
        }
    }

    /// Counts within the timeout.
    async fn try_count(&self, key: &str, limit: Limit, now: Timestamp) -> Option<WindowCount> {
        self.try_count_many(key, 1, limit, now).await
    }

    /// The same for several at once.
    async fn try_count_many(&self, key: &str, many: u32, limit: Limit, now: Timestamp) -> Option<WindowCount> {
        match tokio::time::timeout(COUNT_TIMEOUT, self.ephemeral.increment_by(key, many, limit, now)).await {
            Ok(Ok(hits)) => return Some(hits),
            Ok(Err(error)) => tracing::warn!(error = error.causes(), "{key} was not counted"),
            Err(_) => tracing::warn!("{key} was not counted: the counter does not answer in time"),
        }
        None
    }
}
