//! Typing: told to the others of a small room, stored nowhere. Receivers forget it after six seconds, so a frame that is dropped heals itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::caller::Caller;
use crate::domain::rooms;
use crate::error::Result;
use crate::id::{ConnectionId, RoomId, RoomRef};
use crate::protocol::frames::Frame;
use crate::push::Push;
use crate::store::Db;
use crate::store::members;
use crate::time::Timestamp;

/// In larger rooms nobody is told.
pub const MOST_MEMBERS: usize = 50;
/// A connection is heard once in this time for each room.
const PACE_MS: i64 = 2000;
/// Connections and rooms that are remembered at once; while all of them told within [`PACE_MS`], nobody else is heard.
const MOST_REMEMBERED: usize = 10_000;

/// When each connection last told each room. It lives and dies with the process, so across instances it is best effort.
#[derive(Debug, Default)]
pub struct Pace {
    heard: Mutex<HashMap<(ConnectionId, RoomId), Timestamp>>,
}

impl Pace {
    /// Whether the connection may tell this room now; if so, it may not again for a while.
    fn allows(&self, connection: &ConnectionId, room: RoomId, now: Timestamp) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() >= MOST_REMEMBERED {
            heard.retain(|_, at| now.since(*at) < PACE_MS);
        }
        if heard.len() >= MOST_REMEMBERED {
            return false;
        }
        let last = heard.entry((connection.clone(), room)).or_insert(Timestamp(i64::MIN));
        let allowed = now.since(*last) >= PACE_MS;
        if allowed {
            *last = now;
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
    let room_id = rooms::member(&readable)?.room();
    rooms::may_change(&readable)?;
    if !pace.allows(connection, room_id, caller.now) {
        return Ok(room_id);
    }
    let audience = members::small_audience(&mut handle, room_id, MOST_MEMBERS).await?;
    drop(handle);
    let others: Vec<_> = audience.into_iter().flatten().filter(|user| *user != caller.user).collect();
    if !others.is_empty() {
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
        assert!(pace.allows(&laptop, RoomId(1), at(0)));
        assert!(!pace.allows(&laptop, RoomId(1), at(1999)));
        assert!(pace.allows(&laptop, RoomId(2), at(1)) && pace.allows(&phone, RoomId(1), at(1)));
        assert!(pace.allows(&laptop, RoomId(1), at(2000)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let pace = Pace::default();
        let connection = ConnectionId("a".into());
        let allowed = (0..20_000).filter(|room| pace.allows(&connection, RoomId(*room), Timestamp(0))).count();
        assert_eq!(allowed, MOST_REMEMBERED);
        assert!(pace.allows(&connection, RoomId(1), Timestamp(PACE_MS)), "room again after a while");
        assert_eq!(pace.heard.lock().unwrap().len(), 1);
    }
}
