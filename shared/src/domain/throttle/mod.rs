//! How often one may try what has no row to count on: registering, failing to log in, opening sockets, frames that only ask.

mod attempts;
pub(super) mod network;

use std::time::Duration;

use crate::caller::Caller;
use crate::config::{Limits, Quota};
use crate::domain::work::Ledger;
use crate::error::{Error, Limit, Rate, Result};
use crate::id::{ConnectionId, UserId};
use crate::push::ephemeral::{Ephemeral, Hits};
use crate::telemetry::standing;
use crate::time::Timestamp;

pub(super) use attempts::Crowd;

/// With so many times the limit a socket is not answered any longer, but closed.
const PATIENCE: u32 = 2;
/// As so many frames counts one that its person has no budget for.
const SURPLUS: u32 = 30;
/// What may go on uncounted waits no longer than this for its counter.
const COUNTING: Duration = Duration::from_millis(500);

/// Whether a socket sends more frames than it may.
#[derive(Debug)]
pub enum Flood {
    /// It does not.
    No,
    /// It does, and is told when it may again.
    Of(Error),
    /// It was told often enough.
    Endless,
}

/// Counts attempts against the configured limits.
#[derive(Clone, Debug)]
pub struct Throttle {
    pub(super) ephemeral: Ephemeral,
    pub(super) limits: Limits,
    pub(super) ledger: Ledger,
}

impl Throttle {
    /// Counts in the given table.
    pub fn new(ephemeral: Ephemeral, limits: Limits) -> Self {
        Self { ephemeral, limits, ledger: Ledger::default() }
    }

    /// Counts a socket, or the ticket for one, that a person asks for. Open while it cannot be counted.
    pub async fn connect(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.open(&format!("connect#{user}"), self.limits.connect, now).await.map(drop)
    }

    /// Counts an upload that a person announces. Open while it cannot be counted: how many may wait is counted elsewhere, too.
    pub(super) async fn upload(&self, caller: &Caller) -> Result<()> {
        self.open(&format!("upload#{}", caller.user), self.limits.upload, caller.now).await.map(drop)
    }

    /// Counts an upload that a person completes or gives up: as many as may be announced, and apart from these.
    pub(super) async fn look(&self, caller: &Caller) -> Result<()> {
        self.open(&format!("look#{}", caller.user), self.limits.upload, caller.now).await.map(drop)
    }

    /// What a person may keep.
    pub fn quota(&self) -> Quota {
        self.limits.quota
    }

    /// Counts a search of a person. Open while it cannot be counted: it changes nothing, and its work is bounded.
    pub(super) async fn search(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.open(&format!("search#{user}"), self.limits.search, now).await.map(drop)
    }

    /// Counts something that a person does besides writing: making rooms, inviting, reporting. Open while it cannot be counted. Gives how they stand.
    pub async fn act(&self, caller: &Caller) -> Result<Option<Rate>> {
        Ok(self.open(&format!("act#{}", caller.user), self.limits.act, caller.now).await?.map(Hits::rate))
    }

    /// Counts a frame of a socket. Open while it cannot be counted.
    pub async fn frame(&self, socket: &ConnectionId, now: Timestamp) -> Flood {
        self.frames(socket, 1, now).await
    }

    /// Counts a frame for which its person has no budget. Who goes on after they were told to wait is closed soon: refusing takes an invocation, too.
    pub async fn surplus_frame(&self, socket: &ConnectionId, now: Timestamp) -> Flood {
        self.frames(socket, SURPLUS, now).await
    }

    async fn frames(&self, socket: &ConnectionId, many: u32, now: Timestamp) -> Flood {
        let limit = self.limits.frames;
        match self.tried_all(&format!("frames#{}", socket.0), many, limit, now).await {
            Some(hits) if hits.count > limit.quota.saturating_mul(PATIENCE) => Flood::Endless,
            Some(hits) if hits.are_too_many() => Flood::Of(Error::TooMany { retry_after: hits.reset, policy: Some(limit) }),
            _ => Flood::No,
        }
    }

    /// Counts what may go on while it cannot be counted.
    pub(super) async fn open(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Option<Hits>> {
        match self.tried(key, limit, now).await {
            Some(hits) if hits.are_too_many() => Err(Error::TooMany { retry_after: hits.reset, policy: Some(limit) }),
            hits => {
                if let Some(hits) = hits {
                    standing::counted(hits.rate());
                }
                Ok(hits)
            }
        }
    }

    /// Counts, unless that takes too long to wait for.
    async fn tried(&self, key: &str, limit: Limit, now: Timestamp) -> Option<Hits> {
        self.tried_all(key, 1, limit, now).await
    }

    /// The same of so many at once.
    async fn tried_all(&self, key: &str, many: u32, limit: Limit, now: Timestamp) -> Option<Hits> {
        match tokio::time::timeout(COUNTING, self.ephemeral.hits(key, many, limit, now)).await {
            Ok(Ok(hits)) => return Some(hits),
            Ok(Err(error)) => tracing::warn!(error = error.source().map(ToString::to_string), "{key} went uncounted"),
            Err(_) => tracing::warn!("{key} went uncounted: the counter does not answer in time"),
        }
        None
    }
}
