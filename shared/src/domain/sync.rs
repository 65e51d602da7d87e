//! Catching up after lost pushes: all that changed since, complete from any point in time, in parts that never split one change.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;

use crate::caller::Caller;
use crate::domain::catching_up::{self, fitted};
use crate::domain::paging::clamped;
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::RoomRef;
use crate::protocol::frames::Frame;
use crate::protocol::page::MAX_LIMIT;
use crate::protocol::sync::{RoomSync, RoomsSync};
use crate::store::members::{self, Readable};
use crate::store::sync::{self as store, Moved, Wanted};
use crate::store::{Db, Handle, rooms as room_rows};
use crate::time::Timestamp;

/// A change may commit a little after the time that it carries, and clocks differ: a cursor looks so much further back.
const CLOCK_SLACK_SECONDS: i64 = 10;

/// What changed in a room since a `rev`. What is read may already hold later changes; they come again, and nothing is left out.
pub async fn room(db: &Db, caller: &Caller, room: &RoomRef, since: u64, limit: Option<u32>) -> Result<RoomSync> {
    let limit = limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    if readable.is_past() {
        // What is left to a past member is history; nothing goes on there.
        return Err(Error::Forbidden("not_a_member"));
    }
    changes(&mut connection, &readable, since, limit).await
}

/// The same as a frame: of what does not fit, the first part.
pub async fn frame(db: &Db, caller: &Caller, room: &RoomRef, since: u64, id: Option<Box<RawValue>>) -> Result<Frame> {
    let sync = self::room(db, caller, room, since, None).await?;
    Ok(fitted(sync, since, id.as_deref()))
}

/// The caller's rooms that moved since a cursor, in pages; all of them without one.
pub async fn rooms(db: &Db, caller: &Caller, cursor: Option<&str>, limit: Option<u32>) -> Result<RoomsSync> {
    let limit = clamped(limit) as usize;
    let place = cursor.map_or(Ok(Place::START), Place::read)?;
    let settled = place.settled.unwrap_or(caller.now.plus_seconds(-CLOCK_SLACK_SECONDS));
    let mut connection = db.acquire().await?;
    let mut moved = store::moved(&mut connection, caller.user).await?;
    moved.sort_unstable_by_key(|moved| (moved.at, moved.room));
    let joined = moved.iter().map(|moved| moved.room).collect();
    moved.retain(|moved| (moved.at, moved.room.0) > (place.at, place.room));
    let more = moved.len() > limit;
    moved.truncate(limit);
    let named: Vec<_> = moved.iter().map(|moved| moved.room).collect();
    let mut rooms = if named.is_empty() { Vec::new() } else { room_rows::heads(&mut connection, caller.user, &named).await? };
    rooms.sort_by_key(|room| named.iter().position(|id| *id == room.id));
    let next = match moved.last() {
        Some(Moved { room, at }) if more => Place { at: *at, room: room.0, settled: Some(settled) },
        // What committed late while the pages were read lies after the moment when the first of them was.
        _ => Place { at: settled, room: 0, settled: None },
    };
    Ok(RoomsSync { rooms, joined: (!more).then_some(joined), cursor: next.text(), more })
}

async fn changes(connection: &mut Handle, room: &Readable, since: u64, limit: u32) -> Result<RoomSync> {
    let mut rows = limit;
    let part = loop {
        let part = catching_up::parts(connection, &[Wanted { room, since, limit: rows }]).await?.pop().flatten();
        match part {
            Some(part) => break part,
            None => rows = rows.saturating_mul(8),
        }
    };
    let view = room_rows::view(connection, room).await?.ok_or(Error::NotFound("room_not_found"))?;
    Ok(part.of(room, view))
}

/// What a cursor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The last room told: when it moved, and its id.
    at: Timestamp,
    room: u64,
    /// Between the pages of one round: what moved before this moment was settled when the first of them was read. The next round begins there.
    settled: Option<Timestamp>,
}

impl Place {
    const START: Self = Self { at: Timestamp(0), room: 0, settled: None };

    fn text(self) -> String {
        let settled = self.settled.map_or_else(String::new, |settled| format!(".{}", settled.0));
        URL_SAFE_NO_PAD.encode(format!("{}.{}{settled}", self.at.0, self.room))
    }

    fn read(cursor: &str) -> Result<Self> {
        let parse = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
            let mut parts = text.split('.');
            let (at, room) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let settled = parts.next().map(str::parse).transpose().ok()?.map(Timestamp);
            parts.next().is_none().then_some(Self { at: Timestamp(at), room, settled })
        };
        parse().ok_or_else(|| Error::invalid("cursor", "invalid", "must be the `cursor` of an earlier answer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_its_own_text() {
        for settled in [None, Some(Timestamp(9))] {
            let place = Place { at: Timestamp(7), room: 8, settled };
            assert_eq!(Place::read(&place.text()).ok(), Some(place));
        }
        for text in ["", "7", "7.8.9.10", "7.x", "7.8.x", "-"] {
            let cursor = URL_SAFE_NO_PAD.encode(text);
            assert!(matches!(Place::read(&cursor), Err(Error::Invalid(_))), "{text}");
        }
        assert!(matches!(Place::read("no cursor!"), Err(Error::Invalid(_))));
    }
}
