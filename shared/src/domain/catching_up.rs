//! Catching up: what changed in rooms since a `rev` of each, one statement for each table however many rooms they are, and as few frames as hold it.

use std::collections::BTreeMap;
use std::mem;

use serde_json::value::RawValue;

use crate::caller::Caller;
use crate::domain::rooms;
use crate::error::Result;
use crate::id::RoomId;
use crate::protocol::frames::{Changed, Frame, MAX_FRAME};
use crate::protocol::messages::Message;
use crate::protocol::rooms::Room;
use crate::protocol::sync::{MemberChange, RoomSync};
use crate::store::members::{self, Readable};
use crate::store::sync::{self as store, Shown, Wanted};
use crate::store::{Db, Handle, rooms as room_rows};

/// Messages, and memberships, that are read of all rooms together; of many rooms a few each, of few rooms a page each.
const ROWS: u32 = 1000;
const FEWEST: u32 = 10;
const PAGE: u32 = 100;
/// Frames that a packed catch-up fills; one more may follow that only names rooms.
const MOST_FILLED: usize = 8;
/// Frames of a packed catch-up at most.
pub const MOST_PACKED: usize = MOST_FILLED + 1;
/// What a packed frame has around its rooms: its keys, and what its client called it.
const ENVELOPE: usize = 512;
/// The longest that a room takes in the lists of a packed frame, by its number alone and with its `rev`.
const NUMBER: usize = 21;
const HINT: usize = 64;

/// What changed in one room, or the first part of it: never a piece of a change.
#[derive(Debug)]
pub(super) struct Part {
    messages: Vec<Message>,
    members: Vec<MemberChange>,
    end: u64,
}

impl Part {
    /// The same as it is told.
    pub(super) fn of(self, room: &Readable, view: Room) -> RoomSync {
        let Self { messages, members, end } = self;
        RoomSync { room_id: room.room(), room: view, messages, members, rev: end, more: end < room.rev }
    }
}

/// What changed in each of these rooms. None for one whose next change alone has more rows than were wanted.
pub(super) async fn parts(connection: &mut Handle, wanted: &[Wanted<'_>]) -> Result<Vec<Option<Part>>> {
    let behind: Vec<_> = wanted.iter().filter(|wanted| wanted.since < wanted.room.rev).copied().collect();
    // One row more than is wanted shows that there are more.
    let reading: Vec<_> = behind.iter().map(|wanted| Wanted { limit: wanted.limit + 1, ..*wanted }).collect();
    let mut messages: BTreeMap<RoomId, Vec<Message>> = BTreeMap::new();
    for message in store::messages(connection, &reading).await? {
        messages.entry(message.room_id).or_default().push(message);
    }
    let mut members: BTreeMap<RoomId, Vec<MemberChange>> = BTreeMap::new();
    for moving in store::members(connection, &reading).await? {
        members.entry(moving.room).or_default().push(moving.member);
    }
    let mut parts: Vec<_> = wanted
        .iter()
        .map(|Wanted { room, limit, .. }| {
            let (messages, members) = (messages.remove(&room.room()), members.remove(&room.room()));
            part(room, *limit, messages.unwrap_or_default(), members.unwrap_or_default())
        })
        .collect();
    let mut shown: Vec<_> = wanted
        .iter()
        .zip(&mut parts)
        .filter_map(|(wanted, part)| Some(Shown { room: wanted.room, messages: &mut part.as_mut()?.messages }))
        .collect();
    store::fill_reactions(connection, &mut shown).await?;
    Ok(parts)
}

fn part(room: &Readable, limit: u32, messages: Vec<Message>, members: Vec<MemberChange>) -> Option<Part> {
    let (mut messages, messages_end) = whole(messages, limit, |message| message.rev)?;
    let (mut members, members_end) = whole(members, limit, |member| member.rev)?;
    let end = [messages_end, members_end].into_iter().flatten().fold(room.rev, u64::min);
    if end < room.rev {
        messages.retain(|message| message.rev <= end);
        members.retain(|member| member.rev <= end);
    }
    messages.sort_unstable_by_key(|message| message.seq);
    Some(Part { messages, members, end })
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

/// What became of rooms since a client knew them.
#[derive(Debug, Default)]
struct CaughtUp {
    /// Rooms that changed, newest activity first, and up to which `rev` the client knew each.
    syncs: Vec<Known>,
    /// Rooms that the caller is in no longer.
    left: Vec<RoomId>,
    /// Rooms that changed, and are not told here.
    changed: Vec<Changed>,
}

/// What changed in a room that a client knew up to a `rev`.
#[derive(Debug)]
struct Known {
    sync: RoomSync,
    since: u64,
}

/// The same, as long as the room itself is not read.
struct Behind<'a> {
    room: &'a Readable,
    since: u64,
    part: Part,
}

async fn caught_up(db: &Db, caller: &Caller, known: &[(RoomId, u64)]) -> Result<CaughtUp> {
    let mut connection = db.acquire().await?;
    let ids: Vec<_> = known.iter().map(|(room, _)| *room).collect();
    let standings = members::standings(&mut connection, &ids, caller.user).await?;
    let readable = standings.into_iter().filter_map(|standing| rooms::readable(Some(standing)).ok());
    let readable: BTreeMap<_, _> = readable.filter(|room| !room.is_past()).map(|room| (room.room(), room)).collect();
    let (mut done, mut wanted) = (CaughtUp::default(), Vec::new());
    for (id, since) in known {
        match readable.get(id) {
            None => done.left.push(*id),
            Some(room) if room.rev == *since => {}
            Some(room) if room.member().is_some() => wanted.push(Wanted { room, since: *since, limit: PAGE }),
            // A public room that one only looks at is seldom named.
            Some(room) => done.changed.push(Changed { room_id: *id, rev: room.rev }),
        }
    }
    if wanted.is_empty() {
        return Ok(done);
    }
    let limit = (ROWS / u32::try_from(wanted.len()).unwrap_or(ROWS)).clamp(FEWEST, PAGE);
    for wanted in &mut wanted {
        wanted.limit = limit;
    }
    let parts = parts(&mut connection, &wanted).await?;
    let mut told = BTreeMap::new();
    for (Wanted { room, since, .. }, part) in wanted.into_iter().zip(parts) {
        match part {
            Some(part) => {
                told.insert(room.room(), Behind { room, since, part });
            }
            None => done.changed.push(Changed { room_id: room.room(), rev: room.rev }),
        }
    }
    let ids: Vec<_> = told.keys().copied().collect();
    for head in room_rows::heads(&mut connection, caller.user, &ids).await? {
        if let Some(Behind { room, since, part }) = told.remove(&head.id) {
            done.syncs.push(Known { sync: part.of(room, head), since });
        }
    }
    // The membership ended while the rest was read.
    done.left.extend(told.into_keys());
    Ok(done)
}

/// The catch-up after `welcome`, for clients that know one room a frame. Unchanged ones cost none.
pub async fn frames(db: &Db, caller: &Caller, known: &[(RoomId, u64)]) -> Result<Vec<Frame>> {
    let CaughtUp { syncs, left, changed } = caught_up(db, caller, known).await?;
    let mut frames: Vec<_> = syncs.into_iter().map(|known| fitted(known.sync, known.since, None)).collect();
    frames.extend(left.into_iter().map(|room_id| Frame::RoomLeft { room_id }));
    frames.extend(changed.into_iter().map(|Changed { room_id, rev }| Frame::Room { room_id, rev }));
    Ok(frames)
}

/// The same in as few frames as hold it. Of what they do not hold, rooms are named that changed.
pub async fn packed_frames(db: &Db, caller: &Caller, known: &[(RoomId, u64)], id: Option<Box<RawValue>>) -> Result<Vec<Frame>> {
    Ok(packed(caught_up(db, caller, known).await?, id.as_deref()))
}

fn packed(done: CaughtUp, id: Option<&RawValue>) -> Vec<Frame> {
    const HOLDS: usize = MAX_FRAME - ENVELOPE;
    let CaughtUp { syncs, left, mut changed } = done;
    let (mut frames, mut open, mut size) = (Vec::new(), Vec::new(), 0);
    let frame = |rooms, left, changed| Frame::CatchUp { id: id.map(ToOwned::to_owned), rooms, left, changed };
    for Known { mut sync, since } in syncs {
        let hint = Changed { room_id: sync.room_id, rev: sync.room.rev };
        let length = shortened(&mut sync, since, HOLDS);
        if size + length > HOLDS && !open.is_empty() {
            frames.push(frame(mem::take(&mut open), Vec::new(), Vec::new()));
            size = 0;
        }
        if frames.len() == MOST_FILLED || length > HOLDS {
            changed.push(hint);
            continue;
        }
        size += length;
        open.push(sync);
    }
    if !open.is_empty() && size + left.len() * NUMBER + changed.len() * HINT > HOLDS {
        frames.push(frame(mem::take(&mut open), Vec::new(), Vec::new()));
    }
    if !(open.is_empty() && left.is_empty() && changed.is_empty()) {
        frames.push(frame(open, left, changed));
    }
    frames
}

/// Shortens until it fits; gives how long it is then, as one of a list.
fn shortened(sync: &mut RoomSync, since: u64, most: usize) -> usize {
    loop {
        let length = serde_json::to_vec(sync).map_or(usize::MAX, |text| text.len() + 1);
        if length <= most || !sync.shorten(since) {
            return length;
        }
    }
}

/// The same as a frame of its own.
pub(super) fn fitted(mut sync: RoomSync, since: u64, id: Option<&RawValue>) -> Frame {
    shortened(&mut sync, since, MAX_FRAME - ENVELOPE);
    Frame::Sync { id: id.map(ToOwned::to_owned), sync: Box::new(sync) }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_part_never_splits_one_change() {
        let cut = |revs: &[u64], wanted| whole(revs.to_vec(), wanted, |rev| *rev);
        assert_eq!(cut(&[1, 2, 3], 3), Some((vec![1, 2, 3], None)), "all of it");
        assert_eq!(cut(&[1, 2, 3, 4], 3), Some((vec![1, 2, 3], Some(3))));
        assert_eq!(cut(&[1, 2, 2, 2], 3), Some((vec![1], Some(1))));
        assert_eq!(cut(&[2, 2, 2, 2], 3), None, "more must be read");
    }
}
