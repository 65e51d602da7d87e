//! Catching up after lost pushes: all that changed since, complete from any point in time, in parts that never split one change.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;

use crate::caller::Caller;
use crate::domain::paging::clamped;
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef};
use crate::protocol::frames::{Dialect, Frame, MAX_FRAME};
use crate::protocol::page::MAX_LIMIT;
use crate::protocol::sync::{RoomSync, RoomsSync};
use crate::store::members::{self, Readable};
use crate::store::sync::{self as store, Moved};
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

/// The catch-up after `welcome`: for each room named what changed since, or that the caller is in it no longer. Unchanged ones cost no frame.
pub async fn catch_up(db: &Db, caller: &Caller, rooms: &[(RoomId, u64)]) -> Result<Vec<Frame>> {
    let mut connection = db.acquire().await?;
    let mut frames = Vec::new();
    for (id, since) in rooms {
        let standing = members::standing(&mut connection, &RoomRef::Id(*id), caller.user).await?;
        match rooms::readable(standing).ok().filter(|room| !room.is_past()) {
            None => frames.push(Frame::RoomLeft { room_id: *id }),
            Some(room) if room.rev == *since => {}
            Some(room) => frames.push(fitted(changes(&mut connection, &room, *since, MAX_LIMIT).await?, *since, None)),
        }
    }
    Ok(frames)
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
    let (mut messages, mut members, mut end) = (Vec::new(), Vec::new(), room.rev);
    if since < room.rev {
        let mut rows = limit;
        loop {
            let found = store::messages(connection, room, since, rows + 1).await?;
            match whole(found, rows, |message| message.rev) {
                Some((kept, last)) => break (messages, end) = (kept, last.map_or(end, |last| last.min(end))),
                None => rows = rows.saturating_mul(8),
            }
        }
        let mut rows = limit;
        loop {
            let found = store::members(connection, room, since, rows + 1).await?;
            match whole(found, rows, |member| member.rev) {
                Some((kept, last)) => break (members, end) = (kept, last.map_or(end, |last| last.min(end))),
                None => rows = rows.saturating_mul(8),
            }
        }
        if end < room.rev {
            messages.retain(|message| message.rev <= end);
            members.retain(|member| member.rev <= end);
        }
        messages.sort_unstable_by_key(|message| message.seq);
        store::fill_reactions(connection, room, &mut messages).await?;
    }
    let view = room_rows::view(connection, room).await?.ok_or(Error::NotFound("room_not_found"))?;
    Ok(RoomSync { room_id: room.room(), room: view, messages, members, rev: end, more: end < room.rev })
}

/// Of rows by ascending `rev`, one more than wanted if there are so many: those whose change is whole, and its `rev` if there are others.
/// None when all are of one change, so that more must be read.
fn whole<T>(mut rows: Vec<T>, wanted: u32, rev: impl Fn(&T) -> u64) -> Option<(Vec<T>, Option<u64>)> {
    if rows.len() <= wanted as usize {
        return Some((rows, None));
    }
    let open = rev(rows.last()?);
    rows.retain(|row| rev(row) < open);
    let last = rev(rows.last()?);
    Some((rows, Some(last)))
}

/// Shortens until it fits a frame.
fn fitted(mut sync: RoomSync, since: u64, id: Option<&RawValue>) -> Frame {
    loop {
        let frame = Frame::Sync { id: id.map(ToOwned::to_owned), sync: Box::new(sync.clone()) };
        if frame.encode(Dialect::Lean).len() <= MAX_FRAME || !sync.shorten(since) {
            return frame;
        }
    }
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
    fn a_part_never_splits_one_change() {
        let cut = |revs: &[u64], wanted| whole(revs.to_vec(), wanted, |rev| *rev);
        assert_eq!(cut(&[1, 2, 3], 3), Some((vec![1, 2, 3], None)), "all of it");
        assert_eq!(cut(&[1, 2, 3, 4], 3), Some((vec![1, 2, 3], Some(3))));
        assert_eq!(cut(&[1, 2, 2, 2], 3), Some((vec![1], Some(1))));
        assert_eq!(cut(&[2, 2, 2, 2], 3), None, "more must be read");
    }

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
