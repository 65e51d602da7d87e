//! Typing indicators for small rooms, not across a block and never stored. Clients drop them after six seconds, so a lost frame heals itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::caller::Caller;
use crate::domain::rooms;
use crate::error::Result;
use crate::id::{ConnectionId, RoomId, RoomRef};
use crate::protocol::frames::Frame;
use crate::push::Push;
use crate::store::{Db, members, recipients};
use crate::time::Timestamp;

/// Larger rooms have no typing indicators.
pub const MAX_MEMBERS: usize = 50;
/// Minimum interval between frames per connection and room.
const MIN_INTERVAL_MS: i64 = 2000;
/// Entries tracked at once. While all are within [`MIN_INTERVAL_MS`], others are dropped.
const MAX_TRACKED: usize = 10_000;

/// The last frame of each connection and room. Per process, so best effort across instances.
#[derive(Debug, Default)]
pub struct TypingThrottle {
    last_sent: Mutex<HashMap<(ConnectionId, RoomId), (Timestamp, bool)>>,
}

impl TypingThrottle {
    /// Returns whether a frame may be sent now, and records it. A stop after a sent start is always allowed.
    fn allows(&self, connection: &ConnectionId, room: RoomId, active: bool, now: Timestamp) -> bool {
        let mut last_sent = self.last_sent.lock().unwrap_or_else(PoisonError::into_inner);
        if last_sent.len() >= MAX_TRACKED {
            last_sent.retain(|_, (at, _)| now.since(*at) < MIN_INTERVAL_MS);
        }
        if last_sent.len() >= MAX_TRACKED {
            return false;
        }
        let (at, was_active) = last_sent.entry((connection.clone(), room)).or_insert((Timestamp(i64::MIN), false));
        let rested = now.since(*at) >= MIN_INTERVAL_MS;
        let allowed = rested || *was_active && !active;
        if allowed {
            // An early stop does not allow an earlier next start.
            (*at, *was_active) = (if rested { now } else { *at }, active);
        }
        allowed
    }
}

/// A start or stop of typing.
#[derive(Clone, Copy, Debug)]
pub struct TypingSignal<'a> {
    pub connection: &'a ConnectionId,
    pub room: &'a RoomRef,
    pub active: bool,
}

/// Pushes to the other members that the caller types or stopped. Does nothing if too frequent or in a large room. Returns the room.
pub async fn send(db: &Db, push: &Push, caller: &Caller, throttle: &TypingThrottle, signal: TypingSignal<'_>) -> Result<RoomId> {
    let TypingSignal { connection, room, active } = signal;
    let mut handle = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut handle, room, caller.user).await?)?;
    let member = rooms::require_member(&readable)?;
    let room_id = member.room();
    rooms::may_change(&readable)?;
    if !throttle.allows(connection, room_id, active, caller.now) {
        return Ok(room_id);
    }
    let near = recipients::small_room(&mut handle, member, MAX_MEMBERS).await?;
    drop(handle);
    if let Some(others) = near.others.filter(|others| !others.is_empty()) {
        let frame = Frame::Typing { room_id, user_id: caller.user, username: caller.username.clone(), active };
        push.to_users(&others, &frame, caller.now).await;
    }
    Ok(room_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_sends_every_two_seconds_in_each_room() {
        let throttle = TypingThrottle::default();
        let (laptop, phone) = (ConnectionId("a".into()), ConnectionId("b".into()));
        let at = |ms: i64| Timestamp(1_700_000_000_000 + ms);
        let starts = |connection, room, ms| throttle.allows(connection, RoomId(room), true, at(ms));
        assert!(starts(&laptop, 1, 0));
        assert!(!starts(&laptop, 1, 1999));
        assert!(starts(&laptop, 2, 1) && starts(&phone, 1, 1));
        assert!(starts(&laptop, 1, 2000));
    }

    #[test]
    fn a_sent_start_allows_one_early_stop() {
        let throttle = TypingThrottle::default();
        let connection = ConnectionId("a".into());
        let says = |active, ms: i64| throttle.allows(&connection, RoomId(1), active, Timestamp(1_700_000_000_000 + ms));
        assert!(says(true, 0) && says(false, 900) && !says(false, 950) && !says(true, 1000) && !says(false, 1100));
        assert!(says(true, 2000) && says(false, 2001));
        assert!(says(false, 5000), "nothing was sent for a while");
    }

    #[test]
    fn the_tracked_entries_are_bounded() {
        let throttle = TypingThrottle::default();
        let connection = ConnectionId("a".into());
        let allowed = (0..20_000).filter(|room| throttle.allows(&connection, RoomId(*room), true, Timestamp(0))).count();
        assert_eq!(allowed, MAX_TRACKED);
        assert!(throttle.allows(&connection, RoomId(1), true, Timestamp(MIN_INTERVAL_MS)), "room again after a while");
        assert_eq!(throttle.last_sent.lock().unwrap().len(), 1);
    }
}
