//! Limits on registrations and password attempts. Attempts count as failures before the check and are forgiven on success, so a burst cannot
//! outrun its counter.
//!
//! Counters use the typed name and the network, never the account, so they do not reveal which names exist.

use futures_util::future::try_join_all;

use super::Throttle;
use super::network::Network;
use crate::caller::Caller;
use crate::domain::auth::anonymous::AnonymousCaller;
use crate::domain::auth::secrets;
use crate::error::{Error, Limit, Result};
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

/// The limit of one name from one network, times this, applies to a network over all names, and to a name over all networks.
const WIDE_FACTOR: u32 = 10;
/// Above this multiple, only users known to the network are checked.
const FLOOD_FACTOR: u32 = 10;

/// A password attempt, counted as failed until it is forgiven.
#[derive(Debug)]
pub(crate) struct PasswordAttempt<'a> {
    throttle: &'a Throttle,
    counters: Vec<(String, Limit)>,
    now: Timestamp,
    /// Failures of others at this name, or from this network.
    pub(crate) level: FailureLevel,
}

/// The level of failures by others.
#[derive(Debug)]
pub(crate) enum FailureLevel {
    Low,
    /// Too many: the answer for users not known to the network, after the usual time.
    High(Error),
    /// So many that strangers are refused without work.
    Flood(Error),
}

impl Throttle {
    /// Counts a registration. Fails closed. A refused network does not use up the limits of wider ones.
    pub(crate) async fn count_registration(&self, client: &AnonymousCaller) -> Result<()> {
        for (network, limit) in Network::of(&client.ip).limits(self.limits.register) {
            require_below(self.ephemeral.count(&format!("register#{network}"), limit, client.now).await?, limit)?;
        }
        Ok(())
    }

    /// Counts an attempt at a name. Fails closed.
    ///
    /// A network with too many failures at one name is refused for that name. Failures at many names or from many networks refuse strangers only,
    /// so they cannot lock out an owner or a neighbour.
    pub(crate) async fn count_attempt(&self, client: &AnonymousCaller, name: &str) -> Result<PasswordAttempt<'_>> {
        let (narrow, now, network) = (self.limits.login, client.now, Network::of(&client.ip));
        let (wide, name) = (wide_limit(narrow), secrets::hex_digest(name));
        let pair = format!("login#{name}@{}", network.name());
        require_below(self.ephemeral.count(&pair, narrow, now).await?, narrow)?;
        let at = format!("login-name#{name}");
        let (over_at, from) = tokio::try_join!(self.ephemeral.count(&at, wide, now), self.count_network(&network, now))?;
        let mut attempt =
            PasswordAttempt { throttle: self, counters: vec![(pair, narrow), (at, wide)], now, level: FailureLevel::Low };
        attempt.counters.extend(from.counted);
        attempt.level = match (from.flood, from.over.or(require_below(over_at, wide).err())) {
            (true, Some(error)) => FailureLevel::Flood(error),
            (false, Some(error)) => FailureLevel::High(error),
            (_, None) => FailureLevel::Low,
        };
        Ok(attempt)
    }

    /// Counts a successful login of a user, as many as may fail over all networks. Fails open. A refused one stays counted as failed, too.
    pub(crate) async fn count_login(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.count_fail_open(&format!("sign-in#{user}"), wide_limit(self.limits.login), now).await.map(drop)
    }

    /// Counts a refresh of a live session, apart from all others so that no session keeps another from its tokens. Fails open.
    pub(crate) async fn count_refresh(&self, session: SessionId, now: Timestamp) -> Result<()> {
        self.count_fail_open(&format!("refresh#{session}"), self.limits.connect, now).await.map(drop)
    }

    /// Counts a check of the caller's own password by session, so that a stolen token does not allow guessing.
    pub(crate) async fn count_own_password(&self, caller: &Caller) -> Result<PasswordAttempt<'_>> {
        let (limit, now) = (self.limits.login, caller.now);
        let key = format!("guess#{}", caller.session);
        require_below(self.ephemeral.count(&key, limit, now).await?, limit)?;
        Ok(PasswordAttempt { throttle: self, counters: vec![(key, limit)], now, level: FailureLevel::Low })
    }

    /// Counts an invalid login or registration as a failure of its network. Returns the error to answer. Fails open.
    pub async fn count_invalid(&self, client: &AnonymousCaller, refusal: Error) -> Error {
        let (network, limit) = (Network::of(&client.ip), wide_limit(self.limits.login));
        match self.try_count(&network_key(network.name()), limit, client.now).await {
            Some(hits) if hits.exceeds_limit() => Error::TooMany { retry_after: hits.reset, policy: Some(limit) },
            _ => refusal,
        }
    }

    /// Counts an attempt by its network and the wider ones. Stops at the first over its limit.
    async fn count_network(&self, network: &Network, now: Timestamp) -> Result<NetworkFailures> {
        let mut from = NetworkFailures { counted: Vec::new(), over: None, flood: false };
        for (name, limit) in network.limits(wide_limit(self.limits.login)) {
            let key = network_key(name);
            let hits = self.ephemeral.increment(&key, limit, now).await?;
            from.counted.push((key, limit));
            if hits.exceeds_limit() {
                from.flood = hits.count > limit.quota.saturating_mul(FLOOD_FACTOR);
                from.over = Some(Error::TooMany { retry_after: hits.reset, policy: Some(limit) });
                break;
            }
        }
        Ok(from)
    }
}

struct NetworkFailures {
    counted: Vec<(String, Limit)>,
    over: Option<Error>,
    flood: bool,
}

impl PasswordAttempt<'_> {
    /// Takes the attempt back. Best effort: the count ends with its window.
    pub(crate) async fn forgive(self) {
        let ephemeral = &self.throttle.ephemeral;
        if let Err(error) =
            try_join_all(self.counters.iter().map(|(key, limit)| ephemeral.decrement(key, *limit, self.now))).await
        {
            tracing::warn!(error = error.causes(), "a login stays counted as failed");
        }
    }
}

fn network_key(network: &str) -> String {
    format!("login-address#{network}")
}

fn wide_limit(narrow: Limit) -> Limit {
    Limit { quota: narrow.quota.saturating_mul(WIDE_FACTOR), ..narrow }
}

fn require_below(counted: Option<u32>, limit: Limit) -> Result<()> {
    counted.map_or(Ok(()), |retry_after| Err(Error::TooMany { retry_after, policy: Some(limit) }))
}
