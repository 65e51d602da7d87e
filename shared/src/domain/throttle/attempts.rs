//! Attempts to register and to show a password. They are counted before they are checked and forgiven when they were no failures, so that a
//! burst cannot outrun its counter.
//!
//! What is counted by is what was typed and where from, never whose account that is: no answer and no count differs for names that nobody has.

use futures_util::future::try_join_all;

use super::Throttle;
use super::network::Network;
use crate::caller::Caller;
use crate::domain::secrets;
use crate::domain::visitor::Visitor;
use crate::error::{Error, Limit, Result};
use crate::time::Timestamp;

/// How many times the limit of one name from one network holds for a network over all names, and for a name over all networks.
const WIDE: u32 = 10;
/// With so many times that, nothing of what a network asks is worked on any longer but for people who are at home there.
const FLOOD: u32 = 10;

/// An attempt to show a password, counted as failed until it is forgiven.
#[derive(Debug)]
pub(in crate::domain) struct Attempt<'a> {
    throttle: &'a Throttle,
    counters: Vec<(String, Limit)>,
    now: Timestamp,
    /// Whether others have failed too often at this name, or at any name from this network.
    pub(in crate::domain) crowd: Crowd,
}

/// How many others have failed where somebody tries.
#[derive(Debug)]
pub(in crate::domain) enum Crowd {
    /// Few.
    None,
    /// Too many, and the answer to whoever is not at home here. It takes as long as any other.
    Wide(Error),
    /// So many that strangers are not worth the work.
    Flood(Error),
}

impl Throttle {
    /// Counts a registration. Closed while it cannot be counted. A network that is refused does not use up those around it.
    pub(in crate::domain) async fn register(&self, visitor: &Visitor) -> Result<()> {
        for (network, limit) in Network::of(&visitor.ip).limits(self.limits.register) {
            passed(self.ephemeral.count(&format!("register#{network}"), limit, visitor.now).await?, limit)?;
        }
        Ok(())
    }

    /// Counts an attempt at a name. Closed while it cannot be counted.
    ///
    /// A network that fails too often at one name is refused there alone. Failures at many names, or from many networks, crowd out strangers, and
    /// never who has come from here before: so nobody can lock an owner out, nor a neighbour.
    pub(in crate::domain) async fn attempt(&self, visitor: &Visitor, name: &str) -> Result<Attempt<'_>> {
        let (narrow, now, network) = (self.limits.login, visitor.now, Network::of(&visitor.ip));
        let (wide, name) = (wide(narrow), secrets::hex_digest(name));
        let pair = format!("login#{name}@{}", network.name());
        passed(self.ephemeral.count(&pair, narrow, now).await?, narrow)?;
        let at = format!("login-name#{name}");
        let (over_at, from) = tokio::try_join!(self.ephemeral.count(&at, wide, now), self.network(&network, now))?;
        let mut attempt = Attempt { throttle: self, counters: vec![(pair, narrow), (at, wide)], now, crowd: Crowd::None };
        attempt.counters.extend(from.counted);
        attempt.crowd = match (from.flood, from.over.or(passed(over_at, wide).err())) {
            (true, Some(error)) => Crowd::Flood(error),
            (false, Some(error)) => Crowd::Wide(error),
            (_, None) => Crowd::None,
        };
        Ok(attempt)
    }

    /// Counts an attempt to show one's own password again, by session: a stolen token is no licence to guess.
    pub(in crate::domain) async fn guess(&self, caller: &Caller) -> Result<Attempt<'_>> {
        let (limit, now) = (self.limits.login, caller.now);
        let key = format!("guess#{}", caller.session);
        passed(self.ephemeral.count(&key, limit, now).await?, limit)?;
        Ok(Attempt { throttle: self, counters: vec![(key, limit)], now, crowd: Crowd::None })
    }

    /// Counts a request for which passwords would have been looked at, had it made sense, with the failures of its network. Gives what to
    /// answer. Open while it cannot be counted: it was refused anyway.
    pub async fn senseless(&self, visitor: &Visitor, refusal: Error) -> Error {
        let (network, limit) = (Network::of(&visitor.ip), wide(self.limits.login));
        match self.tried(&from_key(network.name()), limit, visitor.now).await {
            Some(hits) if hits.are_too_many() => Error::TooMany { retry_after: hits.reset, policy: Some(limit) },
            _ => refusal,
        }
    }

    /// Counts an attempt by its network and those around it; once one is over its limit, those around it are left alone.
    async fn network(&self, network: &Network, now: Timestamp) -> Result<Standing> {
        let mut from = Standing { counted: Vec::new(), over: None, flood: false };
        for (name, limit) in network.limits(wide(self.limits.login)) {
            let key = from_key(name);
            let hits = self.ephemeral.hit(&key, limit, now).await?;
            from.counted.push((key, limit));
            if hits.are_too_many() {
                from.flood = hits.count > limit.quota.saturating_mul(FLOOD);
                from.over = Some(Error::TooMany { retry_after: hits.reset, policy: Some(limit) });
                break;
            }
        }
        Ok(from)
    }
}

/// How a network stands.
struct Standing {
    counted: Vec<(String, Limit)>,
    over: Option<Error>,
    flood: bool,
}

impl Attempt<'_> {
    /// It was no failure. Best effort: what stays counted ends with its window.
    pub(in crate::domain) async fn forgive(self) {
        let ephemeral = &self.throttle.ephemeral;
        if let Err(error) = try_join_all(self.counters.iter().map(|(key, limit)| ephemeral.uncount(key, *limit, self.now))).await
        {
            tracing::warn!(error = error.source().map(ToString::to_string), "a login stays counted as failed");
        }
    }
}

fn from_key(network: &str) -> String {
    format!("login-address#{network}")
}

fn wide(narrow: Limit) -> Limit {
    Limit { quota: narrow.quota.saturating_mul(WIDE), ..narrow }
}

fn passed(counted: Option<u32>, limit: Limit) -> Result<()> {
    counted.map_or(Ok(()), |retry_after| Err(Error::TooMany { retry_after, policy: Some(limit) }))
}
