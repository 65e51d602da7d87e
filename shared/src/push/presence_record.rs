//! The presence record of a user: live sockets, and whether the user was announced as online. Between the last close and the offline announcement
//! lies a grace period in which a reconnect stays unnoticed.

use crate::id::{ConnectionId, RoomId, UserId};
use crate::push::socket_registry::Connection;
use crate::time::Timestamp;

/// The offline check runs seconds after the last socket closes. After this time it counts as lost.
const SETTLED_MS: i64 = 60_000;

/// A user's record in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceRecord {
    pub user: UserId,
    /// Sockets that can still be alive, oldest first.
    pub live: Vec<Connection>,
    /// The rooms whose indexes can have sockets of the user.
    pub(super) indexed_in: Vec<RoomId>,
    /// Expired entries.
    pub(super) dead: Vec<ConnectionId>,
    /// Whether the user is announced as online: set by the first socket, cleared by the offline check.
    pub(super) announced_online: bool,
    /// Number of sockets ever opened. The offline check is conditional on it, so that a new socket wins.
    pub(super) opened_count: u64,
    /// When a socket was last known to close.
    pub(super) last_closed_at: Option<Timestamp>,
}

impl PresenceRecord {
    /// The record of a user who never connected.
    pub fn never_connected(user: UserId) -> Self {
        let (live, indexed_in, dead) = (Vec::new(), Vec::new(), Vec::new());
        Self { user, live, indexed_in, dead, announced_online: false, opened_count: 0, last_closed_at: None }
    }

    /// Whether others see the user as online, which includes the grace period after the last socket.
    pub fn is_online(&self, now: Timestamp) -> bool {
        !self.live.is_empty() || self.announced_online && !self.is_overdue(now)
    }

    /// Whether the offline check is overdue: a `$disconnect` event or its successor was lost.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.announced_online && self.live.is_empty() && self.last_closed_at.is_none_or(|seen| now.since(seen) >= SETTLED_MS)
    }

    /// Whether to announce the user as offline: no socket is open, and none was for `grace_ms`.
    pub fn should_announce_offline(&self, grace_ms: i64, now: Timestamp) -> bool {
        self.announced_online && self.live.is_empty() && self.last_closed_at.is_none_or(|seen| now.since(seen) >= grace_ms)
    }

    /// Whether a new socket needs an announcement: the user is announced as offline or can have been read as such.
    pub fn should_announce_online(&self, now: Timestamp) -> bool {
        !self.announced_online || self.is_overdue(now)
    }

    /// When the user was last online, if not now.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.last_closed_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;
    use crate::protocol::dialect::Dialect;

    fn left(ago_ms: i64) -> PresenceRecord {
        PresenceRecord {
            announced_online: true,
            opened_count: 1,
            last_closed_at: Some(Timestamp(1_000_000 - ago_ms)),
            ..PresenceRecord::never_connected(UserId(7))
        }
    }

    #[test]
    fn a_user_is_online_until_announced_offline_or_overdue() {
        let now = Timestamp(1_000_000);
        assert!(left(0).is_online(now) && left(SETTLED_MS - 1).is_online(now));
        assert!(!left(SETTLED_MS).is_online(now) && left(SETTLED_MS).is_overdue(now));
        assert!(!PresenceRecord { announced_online: false, ..left(0) }.is_online(now));
        assert!(!PresenceRecord::never_connected(UserId(7)).is_online(now));
        let socket = Connection {
            user: UserId(7),
            id: ConnectionId("a".into()),
            session: SessionId(1),
            dialect: Dialect::Lean,
            connected_at: Timestamp(1_000_000),
        };
        let back = PresenceRecord { live: vec![socket], ..left(SETTLED_MS) };
        assert!(back.is_online(now) && !back.is_overdue(now) && !back.should_announce_offline(0, now));
    }

    #[test]
    fn a_reconnect_within_the_grace_period_is_not_announced() {
        let now = Timestamp(1_000_000);
        assert!(!left(4_000).should_announce_online(now) && !left(4_000).should_announce_offline(5_000, now));
        assert!(left(5_000).should_announce_offline(5_000, now));
        assert!(left(SETTLED_MS).should_announce_online(now), "somebody may have looked and found nobody there");
        assert!(PresenceRecord::never_connected(UserId(7)).should_announce_online(now));
    }
}
