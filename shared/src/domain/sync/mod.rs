//! Sync: all changes since a `rev` or a cursor, complete from any point, in parts that never split a change.

pub mod catch_up;
pub mod welcome;

use serde_json::value::RawValue;

use self::catch_up::fit_frame;
use crate::caller::Caller;
use crate::domain::paging::{PageRequest, at_most, encode_cursor};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{Rev, RoomId, RoomRef};
use crate::protocol::frames::Frame;
use crate::protocol::page::MAX_LIMIT;
use crate::protocol::sync::{RoomSync, RoomsSync};
use crate::store::members::{self, Readable};
use crate::store::sync::{self as store, ChangesQuery, RoomActivity};
use crate::store::{Db, Handle, rooms as room_rows};
use crate::time::Timestamp;

/// Slack of a cursor: a change may commit after the time it carries, and clocks differ.
const CLOCK_SLACK_SECONDS: i64 = 10;

/// Returns the changes of a room since a `rev`. The result may contain later changes; they come again.
pub async fn room(db: &Db, caller: &Caller, room: &RoomRef, since: Rev, limit: Option<u32>) -> Result<RoomSync> {
    let limit = at_most(limit, MAX_LIMIT)?.unwrap_or(MAX_LIMIT);
    let mut connection = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    if readable.is_past() {
        // Past members can only read history.
        return Err(Error::Forbidden("not_a_member"));
    }
    read_changes(&mut connection, &readable, since, limit).await
}

/// The same as a frame. Returns the first part that fits.
pub async fn frame(db: &Db, caller: &Caller, room: &RoomRef, since: Rev, id: Option<Box<RawValue>>) -> Result<Frame> {
    let sync = self::room(db, caller, room, since, None).await?;
    Ok(fit_frame(sync, since, id.as_deref()))
}

/// Lists the caller's rooms that changed since a cursor, or all rooms without one.
pub async fn rooms(db: &Db, caller: &Caller, paging: PageRequest<'_>) -> Result<RoomsSync> {
    let limit = paging.limit()? as usize;
    let place = paging.decode(SyncCursor::START, SyncCursor::parse)?;
    let settled = place.settled.unwrap_or(caller.now.plus_seconds(-CLOCK_SLACK_SECONDS));
    let mut connection = db.acquire().await?;
    let mut moved = store::room_activity(&mut connection, caller.user).await?;
    moved.sort_unstable_by_key(|moved| (moved.at, moved.room));
    let joined = moved.iter().map(|moved| moved.room).collect();
    moved.retain(|moved| (moved.at, moved.room) > (place.at, place.room));
    let more = moved.len() > limit;
    moved.truncate(limit);
    let named: Vec<_> = moved.iter().map(|moved| moved.room).collect();
    let mut rooms =
        if named.is_empty() { Vec::new() } else { room_rows::list_by_ids(&mut connection, caller.user, &named).await? };
    rooms.sort_by_key(|room| named.iter().position(|id| *id == room.id));
    let next = match moved.last() {
        Some(RoomActivity { room, at }) if more => SyncCursor { at: *at, room: *room, settled: Some(settled) },
        // Changes that committed late during the round are after the time when the round began.
        _ => SyncCursor { at: settled, room: RoomId(0), settled: None },
    };
    Ok(RoomsSync { rooms, joined: (!more).then_some(joined), cursor: next.encode(), more })
}

async fn read_changes(connection: &mut Handle, room: &Readable, since: Rev, limit: u32) -> Result<RoomSync> {
    let mut rows = limit;
    let batch = loop {
        let batch = catch_up::read_batches(connection, &[ChangesQuery { room, since, limit: rows }]).await?.pop().flatten();
        match batch {
            Some(batch) => break batch,
            None => rows = rows.saturating_mul(8),
        }
    };
    let view = room_rows::view(connection, room).await?.ok_or(Error::NotFound("room_not_found"))?;
    Ok(batch.into_sync(room, view))
}

/// A position in the list of changed rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SyncCursor {
    /// Time and id of the last room returned.
    at: Timestamp,
    room: RoomId,
    /// Within a round of pages: everything before this time was settled when the round began. The next round starts there.
    settled: Option<Timestamp>,
}

impl SyncCursor {
    const START: Self = Self { at: Timestamp(0), room: RoomId(0), settled: None };

    fn encode(self) -> String {
        let settled = self.settled.map_or_else(String::new, |settled| format!(".{}", settled.0));
        encode_cursor(&format!("{}.{}{settled}", self.at.0, self.room))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (at, room) = (parts.next()?.parse().ok()?, RoomId(parts.next()?.parse().ok()?));
        let settled = parts.next().map(str::parse).transpose().ok()?.map(Timestamp);
        parts.next().is_none().then_some(Self { at: Timestamp(at), room, settled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paging::decode_cursor;

    #[test]
    fn a_cursor_is_its_own_text() {
        for settled in [None, Some(Timestamp(9))] {
            let place = SyncCursor { at: Timestamp(7), room: RoomId(8), settled };
            assert_eq!(decode_cursor(&place.encode(), SyncCursor::parse).ok(), Some(place));
        }
        for text in ["", "7", "7.8.9.10", "7.x", "7.8.x", "-"] {
            assert_eq!(SyncCursor::parse(text), None, "{text}");
        }
    }
}
