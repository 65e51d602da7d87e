//! Sync: all changes since a `rev` or a cursor, complete from any point, in parts that never split a change.

pub mod catch_up;
mod personal;
pub mod welcome;

use serde_json::value::RawValue;

use self::catch_up::fit_frame;
use self::personal::{ChangedUsers, PrivatePage};
use crate::caller::Caller;
use crate::domain::paging::{PageRequest, at_most, encode_cursor};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{Rev, RoomId, RoomRef};
use crate::protocol::frames::Frame;
use crate::protocol::page::MAX_LIMIT;
use crate::protocol::rooms::Room;
use crate::protocol::sync::{RoomSync, RoomsSync};
use crate::store::members::{self, Readable};
use crate::store::rooms::RecentChanges;
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

/// Lists what changed for the caller since a cursor: rooms, or all of them without one, profiles, private state.
pub async fn rooms(db: &Db, caller: &Caller, paging: PageRequest<'_>) -> Result<RoomsSync> {
    changes(db, caller, paging, true).await
}

/// The same without rooms, for clients that have them from `welcome`.
pub async fn without_rooms(db: &Db, caller: &Caller, paging: PageRequest<'_>) -> Result<RoomsSync> {
    changes(db, caller, paging, false).await
}

async fn changes(db: &Db, caller: &Caller, paging: PageRequest<'_>, with_rooms: bool) -> Result<RoomsSync> {
    let limit = paging.limit()? as usize;
    let place = paging.decode(SyncCursor::START, SyncCursor::parse)?;
    let settled = place.settled.unwrap_or_else(|| settled_by(caller.now));
    let mut connection = db.acquire().await?;
    let ChangedUsers { users, complete: users_complete } = match place.settled {
        Some(_) => ChangedUsers::NONE,
        None => personal::changed_users(&mut connection, caller, paging.cursor.map(|_| place.at)).await?,
    };
    let PrivatePage { changes: private, more: more_private } =
        personal::private_changes(&mut connection, caller, paging.cursor.map(|_| place.private)).await?;
    let RoomsPage { rooms, joined, last, more: more_rooms } =
        if with_rooms { read_rooms(&mut connection, caller, place, limit).await? } else { RoomsPage::default() };
    let more = more_rooms || more_private;
    let next = if more {
        let RoomActivity { room, at } = last.unwrap_or(RoomActivity { room: place.room, at: place.at });
        SyncCursor { at, room, settled: Some(settled), private: private.rev }
    } else {
        // Changes that committed late during the round are after the time when the round began.
        SyncCursor::at_start(settled, private.rev)
    };
    let joined = joined.filter(|_| !more);
    Ok(RoomsSync { rooms, joined, cursor: next.encode(), more, users, users_complete, private })
}

/// A page of changed rooms.
#[derive(Default)]
struct RoomsPage {
    rooms: Vec<Room>,
    /// All of the caller's rooms.
    joined: Option<Vec<RoomId>>,
    last: Option<RoomActivity>,
    more: bool,
}

async fn read_rooms(connection: &mut Handle, caller: &Caller, place: SyncCursor, limit: usize) -> Result<RoomsPage> {
    let mut moved = store::room_activity(connection, caller.user).await?;
    moved.sort_unstable_by_key(|moved| (moved.at, moved.room));
    let joined = moved.iter().map(|moved| moved.room).collect();
    moved.retain(|moved| (moved.at, moved.room) > (place.at, place.room));
    let more = moved.len() > limit;
    moved.truncate(limit);
    let named: Vec<_> = moved.iter().map(|moved| moved.room).collect();
    let mut rooms = if named.is_empty() { Vec::new() } else { room_rows::list_by_ids(connection, caller.user, &named).await? };
    rooms.sort_by_key(|room| named.iter().position(|id| *id == room.id));
    Ok(RoomsPage { rooms, joined: Some(joined), last: moved.pop(), more })
}

/// Returns the cursor of a client that knows everything by now, up to a private rev.
pub(crate) fn current_cursor(now: Timestamp, private_rev: Rev) -> String {
    SyncCursor::at_start(settled_by(now), private_rev).encode()
}

/// The time up to which every change is visible.
fn settled_by(now: Timestamp) -> Timestamp {
    now.plus_seconds(-CLOCK_SLACK_SECONDS)
}

/// Answers a `ping`: the caller's rooms that changed since a server time, and the private rev.
pub async fn pong(db: &Db, caller: &Caller, since: Option<i64>, id: Option<Box<RawValue>>) -> Result<Frame> {
    let ts = caller.now.0;
    let Some(since) = since else {
        return Ok(Frame::Pong { id, ts, changed: Vec::new(), complete: true, private_rev: None });
    };
    let RecentChanges { rooms, complete, private_rev } = rooms::changed_since(db, caller, Timestamp(since)).await?;
    Ok(Frame::Pong { id, ts, changed: rooms, complete, private_rev: Some(private_rev) })
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

/// A position in the changes.
///
/// Between rounds its text is `time.private_rev`, which release 0.2.0 reads as a room of that millisecond; within one also where the round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SyncCursor {
    /// Time and id of the last room returned.
    at: Timestamp,
    room: RoomId,
    /// Within a round of pages: everything before this time was settled when the round began. The next round starts there.
    settled: Option<Timestamp>,
    /// The last private rev returned.
    private: Rev,
}

impl SyncCursor {
    const START: Self = Self::at_start(Timestamp(0), Rev(0));

    const fn at_start(at: Timestamp, private: Rev) -> Self {
        Self { at, room: RoomId(0), settled: None, private }
    }

    fn encode(self) -> String {
        let Self { at, room, settled, private } = self;
        encode_cursor(&match settled {
            None => format!("{}.{private}", at.0),
            Some(settled) => format!("{}.{room}.{}.{private}", at.0, settled.0),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (at, second) = (Timestamp(parts.next()?.parse().ok()?), parts.next()?.parse().ok()?);
        let Some(settled) = parts.next() else { return Some(Self::at_start(at, Rev(second))) };
        let settled = Some(Timestamp(settled.parse().ok()?));
        // Cursors of earlier releases end here.
        let private = parts.next().map_or(Some(Rev(0)), |private| private.parse().ok().map(Rev))?;
        parts.next().is_none().then_some(Self { at, room: RoomId(second), settled, private })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paging::decode_cursor;

    #[test]
    fn a_cursor_is_its_own_text() {
        let within = SyncCursor { at: Timestamp(7), room: RoomId(8), settled: Some(Timestamp(9)), private: Rev(10) };
        for place in [SyncCursor::at_start(Timestamp(7), Rev(8)), within] {
            assert_eq!(decode_cursor(&place.encode(), SyncCursor::parse).ok(), Some(place));
        }
        for text in ["", "7", "7.8.9.10.11", "7.x", "7.8.x", "7.8.9.x", "-"] {
            assert_eq!(SyncCursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn cursors_of_release_0_2_0_know_of_no_private_change() {
        assert_eq!(SyncCursor::parse("7.0"), Some(SyncCursor::at_start(Timestamp(7), Rev(0))));
        let within = SyncCursor { at: Timestamp(7), room: RoomId(8), settled: Some(Timestamp(9)), private: Rev(0) };
        assert_eq!(SyncCursor::parse("7.8.9"), Some(within));
    }
}
