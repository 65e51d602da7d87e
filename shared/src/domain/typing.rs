//! Typing: told to the others of a small room, but not across a block; stored nowhere. Receivers forget it after six seconds, so a frame that is dropped heals itself.

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

/// In larger rooms nobody is told.
pub const MOST_MEMBERS: usize = 50;
/// A connection is heard once in this time for each room.
const PACE_MS: i64 = 2000;
/// Connections and rooms that are remembered at once; while all of them told within [`PACE_MS`], nobody else is heard.
const MOST_REMEMBERED: usize = 10_000;

/// When each connection last told each room, and what. It lives and dies with the process, so across instances it is best effort.
#[derive(Debug, Default)]
pub struct Pace {
    heard: Mutex<HashMap<(ConnectionId, RoomId), (Timestamp, bool)>>,
}

impl Pace {
    /// Whether the connection may tell this room now; if so, it may not again for a while. That it stopped it may say at once, if it was heard to begin.
    fn allows(&self, connection: &ConnectionId, (room, active): (RoomId, bool), now: Timestamp) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() >= MOST_REMEMBERED {
            heard.retain(|_, (at, _)| now.since(*at) < PACE_MS);
        }
        if heard.len() >= MOST_REMEMBERED {
            return false;
        }
        let (at, told) = heard.entry((connection.clone(), room)).or_insert((Timestamp(i64::MIN), false));
        let rested = now.since(*at) >= PACE_MS;
        let allowed = rested || *told && !active;
        if allowed {
            // Stopping early does not let anybody begin again earlier.
            (*at, *told) = (if rested { now } else { *at }, active);
        }
        allowed
    }
}

/// Tells the room's other members that the caller types, or stopped; too often, or in a large room, it does nothing. Gives the room.
pub async fn tell(
    db: &Db,
    push: &Push,
    caller: &Caller,
    (pace, connection): (&Pace, &ConnectionId),
    (room, active): (&RoomRef, bool),
) -> Result<RoomId> {
    let mut handle = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut handle, room, caller.user).await?)?;
    let member = rooms::member(&readable)?;
    let room_id = member.room();
    rooms::may_change(&readable)?;
    if !pace.allows(connection, (room_id, active), caller.now) {
        return Ok(room_id);
    }
    let near = recipients::near(&mut handle, member, MOST_MEMBERS).await?;
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
    fn a_connection_is_heard_every_two_seconds_in_each_room() {
        let pace = Pace::default();
        let (laptop, phone) = (ConnectionId("a".into()), ConnectionId("b".into()));
        let at = |ms: i64| Timestamp(1_700_000_000_000 + ms);
        let types = |room| (RoomId(room), true);
        assert!(pace.allows(&laptop, types(1), at(0)));
        assert!(!pace.allows(&laptop, types(1), at(1999)));
        assert!(pace.allows(&laptop, types(2), at(1)) && pace.allows(&phone, types(1), at(1)));
        assert!(pace.allows(&laptop, types(1), at(2000)));
    }

    #[test]
    fn whoever_was_heard_to_begin_is_heard_to_stop_once() {
        let pace = Pace::default();
        let connection = ConnectionId("a".into());
        let says = |active, ms: i64| pace.allows(&connection, (RoomId(1), active), Timestamp(1_700_000_000_000 + ms));
        assert!(says(true, 0) && says(false, 900) && !says(false, 950) && !says(true, 1000) && !says(false, 1100));
        assert!(says(true, 2000) && says(false, 2001));
        assert!(says(false, 5000), "nothing was told for a while");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let pace = Pace::default();
        let connection = ConnectionId("a".into());
        let allowed = (0..20_000).filter(|room| pace.allows(&connection, (RoomId(*room), true), Timestamp(0))).count();
        assert_eq!(allowed, MOST_REMEMBERED);
        assert!(pace.allows(&connection, (RoomId(1), true), Timestamp(PACE_MS)), "room again after a while");
        assert_eq!(pace.heard.lock().unwrap().len(), 1);
    }
}
