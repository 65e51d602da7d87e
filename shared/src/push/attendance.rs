//! What the registry knows of one person: the live sockets, and whether others take them to be online. Between the two lies the grace in which
//! a socket that broke is opened again, and nobody hears of it.

use crate::id::{ConnectionId, UserId};
use crate::push::registry::Connection;
use crate::time::Timestamp;

/// Whoever left is told to be away some seconds later. When that has not been done after this time, it was lost.
const SETTLED_MS: i64 = 60_000;

/// A person in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendance {
    /// Who.
    pub user: UserId,
    /// The sockets that can still be alive, oldest first.
    pub live: Vec<Connection>,
    /// Entries whose sockets cannot be.
    pub(super) dead: Vec<ConnectionId>,
    /// Whether others take the person to be online: true from the first socket on, until they were told otherwise.
    pub(super) told: bool,
    /// How many sockets were ever opened. Whoever tells that a person is away tells it of one count, and not when another socket came.
    pub(super) opened: u64,
    /// When a socket was last known to close.
    pub(super) seen: Option<Timestamp>,
}

impl Attendance {
    /// Somebody who never connected.
    pub fn nobody(user: UserId) -> Self {
        Self { user, live: Vec::new(), dead: Vec::new(), told: false, opened: 0, seen: None }
    }

    /// Whether the person is online, as others are told: in the grace after the last socket they still are.
    pub fn is_online(&self, now: Timestamp) -> bool {
        !self.live.is_empty() || self.told && !self.is_overdue(now)
    }

    /// Whether others should have been told by now that the person left, and were not: a `$disconnect` or what follows it was lost.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.told && self.live.is_empty() && self.seen.is_none_or(|seen| now.since(seen) >= SETTLED_MS)
    }

    /// Whether others are to be told that the person left: nothing is open, and was not for `grace_ms`.
    pub fn is_leaving(&self, grace_ms: i64, now: Timestamp) -> bool {
        self.told && self.live.is_empty() && self.seen.is_none_or(|seen| now.since(seen) >= grace_ms)
    }

    /// Whether the person comes with a socket that opens now: others take them to be away, or may have seen so.
    pub fn is_coming(&self, now: Timestamp) -> bool {
        !self.told || self.is_overdue(now)
    }

    /// When the person was last there, unless they are.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;

    fn left(ago_ms: i64) -> Attendance {
        Attendance { told: true, opened: 1, seen: Some(Timestamp(1_000_000 - ago_ms)), ..Attendance::nobody(UserId(7)) }
    }

    #[test]
    fn somebody_is_online_until_others_were_told_otherwise_or_should_have_been() {
        let now = Timestamp(1_000_000);
        assert!(left(0).is_online(now) && left(SETTLED_MS - 1).is_online(now));
        assert!(!left(SETTLED_MS).is_online(now) && left(SETTLED_MS).is_overdue(now));
        assert!(!Attendance { told: false, ..left(0) }.is_online(now));
        assert!(!Attendance::nobody(UserId(7)).is_online(now));
        let socket = Connection {
            user: UserId(7),
            id: ConnectionId("a".into()),
            session: SessionId(1),
            lean: true,
            connected_at: Timestamp(1_000_000),
        };
        let back = Attendance { live: vec![socket], ..left(SETTLED_MS) };
        assert!(back.is_online(now) && !back.is_overdue(now) && !back.is_leaving(0, now));
    }

    #[test]
    fn a_socket_that_opens_in_the_grace_is_no_news() {
        let now = Timestamp(1_000_000);
        assert!(!left(4_000).is_coming(now) && !left(4_000).is_leaving(5_000, now));
        assert!(left(5_000).is_leaving(5_000, now));
        assert!(left(SETTLED_MS).is_coming(now), "somebody may have looked and found nobody there");
        assert!(Attendance::nobody(UserId(7)).is_coming(now));
    }
}
