//! How often one may try what has no row to count on: registering, failing to log in, opening sockets, frames that only ask.
//!
//! Attempts are counted before they are checked and forgiven when they were no failures, so that a burst cannot outrun its counter.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::visitor::Visitor;
use crate::error::{Error, Limit, Rate, Result};
use crate::id::{ConnectionId, UserId};
use crate::push::ephemeral::{Ephemeral, Hits};
use crate::time::Timestamp;

/// How many times the limit of one account from one address holds for an address over all accounts, and for an account over all addresses.
const WIDE: u32 = 10;

/// With so many times the limit a socket is not answered any longer, but closed.
const PATIENCE: u32 = 2;
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
    ephemeral: Ephemeral,
    limits: Limits,
}

/// An attempt to show a password, counted as failed until it is forgiven.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    throttle: &'a Throttle,
    counters: Vec<(String, Limit)>,
    now: Timestamp,
    /// What to answer when too many others have failed at this account: from an address that the account does not know.
    pub(super) crowded: Option<Error>,
}

impl Throttle {
    /// Counts in the given table.
    pub fn new(ephemeral: Ephemeral, limits: Limits) -> Self {
        Self { ephemeral, limits }
    }

    /// Counts a registration. Closed while it cannot be counted.
    pub(super) async fn register(&self, visitor: &Visitor) -> Result<()> {
        let key = format!("register#{}", network(&visitor.ip));
        passed(self.ephemeral.count(&key, self.limits.register, visitor.now).await?, self.limits.register)
    }

    /// Counts an attempt at an account. Closed while it cannot be counted.
    ///
    /// An address that fails too often at one account is refused there alone, so it can neither lock the account's owner out nor its neighbours.
    pub(super) async fn attempt(&self, visitor: &Visitor, account: &str) -> Result<Attempt<'_>> {
        let (narrow, now, address) = (self.limits.login, visitor.now, network(&visitor.ip));
        let wide = Limit { quota: narrow.quota.saturating_mul(WIDE), ..narrow };
        let pair = format!("login#{account}@{address}");
        let (from, at) = (format!("login-address#{address}"), format!("login-account#{account}"));
        passed(self.ephemeral.count(&pair, narrow, now).await?, narrow)?;
        let (over_from, over_at) =
            tokio::try_join!(self.ephemeral.count(&from, wide, now), self.ephemeral.count(&at, wide, now))?;
        passed(over_from, wide)?;
        let counters = vec![(pair, narrow), (from, wide), (at, wide)];
        Ok(Attempt { throttle: self, counters, now, crowded: passed(over_at, wide).err() })
    }

    /// Counts an attempt to show one's own password again, by session: a stolen token is no licence to guess.
    pub(super) async fn guess(&self, caller: &Caller) -> Result<Attempt<'_>> {
        let (limit, now) = (self.limits.login, caller.now);
        let key = format!("guess#{}", caller.session);
        passed(self.ephemeral.count(&key, limit, now).await?, limit)?;
        Ok(Attempt { throttle: self, counters: vec![(key, limit)], now, crowded: None })
    }

    /// Counts a socket, or the ticket for one, that a person asks for. Open while it cannot be counted.
    pub async fn connect(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.open(&format!("connect#{user}"), self.limits.connect, now).await.map(drop)
    }

    /// Counts an upload that a person announces. Open while it cannot be counted: how many may wait is counted elsewhere, too.
    pub(super) async fn upload(&self, caller: &Caller) -> Result<()> {
        self.open(&format!("upload#{}", caller.user), self.limits.upload, caller.now).await.map(drop)
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
        let limit = self.limits.frames;
        match self.tried(&format!("frames#{}", socket.0), limit, now).await {
            Some(hits) if hits.count > limit.quota.saturating_mul(PATIENCE) => Flood::Endless,
            Some(hits) if hits.are_too_many() => Flood::Of(Error::TooMany { retry_after: hits.reset, policy: Some(limit) }),
            _ => Flood::No,
        }
    }

    /// Counts what may go on while it cannot be counted.
    async fn open(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Option<Hits>> {
        match self.tried(key, limit, now).await {
            Some(hits) if hits.are_too_many() => Err(Error::TooMany { retry_after: hits.reset, policy: Some(limit) }),
            hits => Ok(hits),
        }
    }

    /// Counts, unless that takes too long to wait for.
    async fn tried(&self, key: &str, limit: Limit, now: Timestamp) -> Option<Hits> {
        match tokio::time::timeout(COUNTING, self.ephemeral.hit(key, limit, now)).await {
            Ok(Ok(hits)) => return Some(hits),
            Ok(Err(error)) => tracing::warn!(error = error.source().map(ToString::to_string), "{key} went uncounted"),
            Err(_) => tracing::warn!("{key} went uncounted: the counter does not answer in time"),
        }
        None
    }
}

impl Attempt<'_> {
    /// It was no failure. Best effort: what stays counted ends with its window.
    pub(super) async fn forgive(self) {
        let ephemeral = &self.throttle.ephemeral;
        if let Err(error) = try_join_all(self.counters.iter().map(|(key, limit)| ephemeral.uncount(key, *limit, self.now))).await
        {
            tracing::warn!(error = error.source().map(ToString::to_string), "a login stays counted as failed");
        }
    }
}

fn passed(counted: Option<u32>, limit: Limit) -> Result<()> {
    counted.map_or(Ok(()), |retry_after| Err(Error::TooMany { retry_after, policy: Some(limit) }))
}

/// The network that an address belongs to: IPv6 gives everyone 2^64 addresses, so there the first half counts.
fn network(ip: &str) -> String {
    match ip.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(address) => address.to_string(),
        Err(_) => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_network_is_an_ipv4_address_or_half_an_ipv6_one() {
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("x#y"), "unknown");
    }
}
