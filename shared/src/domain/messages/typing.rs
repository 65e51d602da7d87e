//! Typing indicators for small rooms, not across a block and never stored. Clients drop them after six seconds, so a lost frame heals itself. Of many
//! who type at once in a room, a few are announced.

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

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowance {
    Nothing,
    /// A frame, if the room has a slot for it.
    WithSlot,
    /// The end of an announced start.
    Stop,
}

impl TypingThrottle {
    /// Returns what may be sent now, and records it. A stop after a sent start is always allowed.
    fn allows(&self, connection: &ConnectionId, room: RoomId, active: bool, now: Timestamp) -> Allowance {
        let mut last_sent = self.last_sent.lock().unwrap_or_else(PoisonError::into_inner);
        if last_sent.len() >= MAX_TRACKED {
            last_sent.retain(|_, (at, _)| now.since(*at) < MIN_INTERVAL_MS);
        }
        if last_sent.len() >= MAX_TRACKED {
            return Allowance::Nothing;
        }
        let (at, was_active) = last_sent.entry((connection.clone(), room)).or_insert((Timestamp(i64::MIN), false));
        let rested = now.since(*at) >= MIN_INTERVAL_MS;
        let allowed = match (*was_active, active) {
            (true, false) => Allowance::Stop,
            _ if rested => Allowance::WithSlot,
            _ => return Allowance::Nothing,
        };
        // An early stop does not allow an earlier next start.
        (*at, *was_active) = (if rested { now } else { *at }, active);
        allowed
    }

    /// Records that a start was not announced after all.
    fn not_announced(&self, connection: &ConnectionId, room: RoomId) {
        let mut last_sent = self.last_sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, was_active)) = last_sent.get_mut(&(connection.clone(), room)) {
            *was_active = false;
        }
    }
}

/// A start or stop of typing.
#[derive(Clone, Copy, Debug)]
pub struct TypingSignal<'a> {
    pub connection: &'a ConnectionId,
    pub room: &'a RoomRef,
    pub active: bool,
}

/// Pushes to the other members that the caller types or stopped. Does nothing if too frequent, in a large room, or while enough others type. Returns
/// the room.
pub async fn send(db: &Db, push: &Push, caller: &Caller, throttle: &TypingThrottle, signal: TypingSignal<'_>) -> Result<RoomId> {
    let TypingSignal { connection, room, active } = signal;
    let mut handle = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut handle, room, caller.user).await?)?;
    let member = rooms::require_member(&readable)?;
    let room_id = member.room();
    rooms::may_change(&readable)?;
    let allowed = throttle.allows(connection, room_id, active, caller.now);
    if allowed == Allowance::Nothing {
        return Ok(room_id);
    }
    let near = recipients::small_room(&mut handle, member, MAX_MEMBERS).await?;
    drop(handle);
    if let Some(others) = near.others.filter(|others| !others.is_empty()) {
        if allowed == Allowance::WithSlot && !push.take_typing_slot(room_id, others.len(), caller.now).await {
            throttle.not_announced(connection, room_id);
            return Ok(room_id);
        }
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
        let starts = |connection, room, ms| throttle.allows(connection, RoomId(room), true, at(ms)) == Allowance::WithSlot;
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
        let early = [(true, 0), (false, 900), (false, 950), (true, 1000), (false, 1100)].map(|(active, ms)| says(active, ms));
        let nothing = Allowance::Nothing;
        assert_eq!(early, [Allowance::WithSlot, Allowance::Stop, nothing, nothing, nothing]);
        assert_eq!((says(true, 2000), says(false, 2001)), (Allowance::WithSlot, Allowance::Stop));
        assert_eq!(says(false, 5000), Allowance::WithSlot, "nothing was sent for a while");
        assert_eq!(says(true, 7000), Allowance::WithSlot);
        throttle.not_announced(&connection, RoomId(1));
        assert_eq!(says(false, 7500), nothing, "the start was not announced");
    }

    #[test]
    fn the_tracked_entries_are_bounded() {
        let throttle = TypingThrottle::default();
        let connection = ConnectionId("a".into());
        let allowed = (0..20_000).map(|room| throttle.allows(&connection, RoomId(room), true, Timestamp(0)));
        let allowed = allowed.filter(|allowed| *allowed != Allowance::Nothing).count();
        assert_eq!(allowed, MAX_TRACKED);
        let later = throttle.allows(&connection, RoomId(1), true, Timestamp(MIN_INTERVAL_MS));
        assert_eq!(later, Allowance::WithSlot, "room again after a while");
        assert_eq!(throttle.last_sent.lock().unwrap().len(), 1);
    }
}
