//! Catch-up: what changed in several rooms since a `rev` of each, with one statement per table and as few frames as possible.

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
use crate::store::sync::{self as store, ChangesQuery, RoomMessages};
use crate::store::{Db, Handle, rooms as room_rows};

/// Rows read per table over all rooms. Each room gets an equal share, within these bounds.
const MAX_ROWS: u32 = 1000;
const MIN_PAGE: u32 = 10;
const MAX_PAGE: u32 = 100;
/// Frames with room contents in a packed catch-up. One more may follow that only names rooms.
const MAX_FILLED: usize = 8;
/// Maximum number of frames of a packed catch-up.
pub const MAX_PACKED: usize = MAX_FILLED + 1;
/// Bytes of a packed frame besides its rooms.
const ENVELOPE_BYTES: usize = 512;
/// Maximum bytes of a room in the lists of a packed frame: as an id, and as an id with its `rev`.
const ID_BYTES: usize = 21;
const HINT_BYTES: usize = 64;

/// The changes of one room up to `end`. Changes of one `rev` are never split.
#[derive(Debug)]
pub(crate) struct ChangeBatch {
    messages: Vec<Message>,
    members: Vec<MemberChange>,
    end: u64,
}

impl ChangeBatch {
    /// Converts to the wire type.
    pub(crate) fn into_sync(self, room: &Readable, view: Room) -> RoomSync {
        let Self { messages, members, end } = self;
        RoomSync { room_id: room.room(), room: view, messages, members, rev: end, more: end < room.rev }
    }
}

/// Reads the changes of each room. Returns `None` for a room whose next `rev` alone exceeds its limit.
pub(crate) async fn read_batches(connection: &mut Handle, wanted: &[ChangesQuery<'_>]) -> Result<Vec<Option<ChangeBatch>>> {
    let behind: Vec<_> = wanted.iter().filter(|wanted| wanted.since < wanted.room.rev).copied().collect();
    // One extra row shows whether more follow.
    let reading: Vec<_> = behind.iter().map(|wanted| ChangesQuery { limit: wanted.limit + 1, ..*wanted }).collect();
    let mut messages: BTreeMap<RoomId, Vec<Message>> = BTreeMap::new();
    for message in store::messages(connection, &reading).await? {
        messages.entry(message.room_id).or_default().push(message);
    }
    let mut members: BTreeMap<RoomId, Vec<MemberChange>> = BTreeMap::new();
    for moving in store::members(connection, &reading).await? {
        members.entry(moving.room).or_default().push(moving.member);
    }
    let mut batches: Vec<_> = wanted
        .iter()
        .map(|ChangesQuery { room, limit, .. }| {
            let (messages, members) = (messages.remove(&room.room()), members.remove(&room.room()));
            cut_batch(room, *limit, messages.unwrap_or_default(), members.unwrap_or_default())
        })
        .collect();
    let mut shown: Vec<_> = wanted
        .iter()
        .zip(&mut batches)
        .filter_map(|(wanted, batch)| Some(RoomMessages { room: wanted.room, messages: &mut batch.as_mut()?.messages }))
        .collect();
    store::fill_reactions(connection, &mut shown).await?;
    Ok(batches)
}

fn cut_batch(room: &Readable, limit: u32, messages: Vec<Message>, members: Vec<MemberChange>) -> Option<ChangeBatch> {
    let (mut messages, messages_end) = complete_revs(messages, limit, |message| message.rev)?;
    let (mut members, members_end) = complete_revs(members, limit, |member| member.rev)?;
    let end = [messages_end, members_end].into_iter().flatten().fold(room.rev, u64::min);
    if end < room.rev {
        messages.retain(|message| message.rev <= end);
        members.retain(|member| member.rev <= end);
    }
    messages.sort_unstable_by_key(|message| message.seq);
    Some(ChangeBatch { messages, members, end })
}

/// Cuts rows, ascending by `rev`, to the complete revs within the limit. Returns them with the last `rev` if rows were cut, or `None` when all
/// rows share one `rev`.
fn complete_revs<T>(mut rows: Vec<T>, wanted: u32, rev: impl Fn(&T) -> u64) -> Option<(Vec<T>, Option<u64>)> {
    if rows.len() <= wanted as usize {
        return Some((rows, None));
    }
    let open = rev(rows.last()?);
    rows.retain(|row| rev(row) < open);
    let last = rev(rows.last()?);
    Some((rows, Some(last)))
}

#[derive(Debug, Default)]
struct CaughtUp {
    /// Changed rooms with contents, newest activity first.
    syncs: Vec<SyncSince>,
    /// Rooms that the caller is no longer a member of.
    left: Vec<RoomId>,
    /// Changed rooms without contents.
    changed: Vec<Changed>,
}

/// The changes of a room since the `rev` that the client knows.
#[derive(Debug)]
struct SyncSince {
    sync: RoomSync,
    since: u64,
}

/// The same before the room itself is read.
struct PendingSync<'a> {
    room: &'a Readable,
    since: u64,
    batch: ChangeBatch,
}

async fn collect(db: &Db, caller: &Caller, known: &[(RoomId, u64)]) -> Result<CaughtUp> {
    let mut connection = db.acquire().await?;
    let ids: Vec<_> = known.iter().map(|(room, _)| *room).collect();
    let accesses = members::find_accesses(&mut connection, &ids, caller.user).await?;
    let readable = accesses.into_iter().filter_map(|access| rooms::require_readable(Some(access)).ok());
    let readable: BTreeMap<_, _> = readable.filter(|room| !room.is_past()).map(|room| (room.room(), room)).collect();
    let (mut done, mut wanted) = (CaughtUp::default(), Vec::new());
    for (id, since) in known {
        match readable.get(id) {
            None => done.left.push(*id),
            Some(room) if room.rev == *since => {}
            Some(room) if room.member().is_some() => wanted.push(ChangesQuery { room, since: *since, limit: MAX_PAGE }),
            // Public rooms that the caller only reads are rare here.
            Some(room) => done.changed.push(Changed { room_id: *id, rev: room.rev }),
        }
    }
    if wanted.is_empty() {
        return Ok(done);
    }
    let limit = (MAX_ROWS / u32::try_from(wanted.len()).unwrap_or(MAX_ROWS)).clamp(MIN_PAGE, MAX_PAGE);
    for wanted in &mut wanted {
        wanted.limit = limit;
    }
    let batches = read_batches(&mut connection, &wanted).await?;
    let mut pending = BTreeMap::new();
    for (ChangesQuery { room, since, .. }, batch) in wanted.into_iter().zip(batches) {
        match batch {
            Some(batch) => {
                pending.insert(room.room(), PendingSync { room, since, batch });
            }
            None => done.changed.push(Changed { room_id: room.room(), rev: room.rev }),
        }
    }
    let ids: Vec<_> = pending.keys().copied().collect();
    for head in room_rows::list_by_ids(&mut connection, caller.user, &ids).await? {
        if let Some(PendingSync { room, since, batch }) = pending.remove(&head.id) {
            done.syncs.push(SyncSince { sync: batch.into_sync(room, head), since });
        }
    }
    // The membership ended during the read.
    done.left.extend(pending.into_keys());
    Ok(done)
}

/// Builds the catch-up after `welcome` with one frame per changed room.
pub async fn single_frames(db: &Db, caller: &Caller, known: &[(RoomId, u64)]) -> Result<Vec<Frame>> {
    let CaughtUp { syncs, left, changed } = collect(db, caller, known).await?;
    let mut frames: Vec<_> = syncs.into_iter().map(|known| fit_frame(known.sync, known.since, None)).collect();
    frames.extend(left.into_iter().map(|room_id| Frame::RoomLeft { room_id }));
    frames.extend(changed.into_iter().map(|Changed { room_id, rev }| Frame::Room { room_id, rev }));
    Ok(frames)
}

/// Builds the catch-up in packed frames. Rooms that do not fit are only named.
pub async fn packed_frames(db: &Db, caller: &Caller, known: &[(RoomId, u64)], id: Option<Box<RawValue>>) -> Result<Vec<Frame>> {
    Ok(pack(collect(db, caller, known).await?, id.as_deref()))
}

fn pack(done: CaughtUp, id: Option<&RawValue>) -> Vec<Frame> {
    const HOLDS: usize = MAX_FRAME - ENVELOPE_BYTES;
    let CaughtUp { syncs, left, mut changed } = done;
    let (mut frames, mut open, mut size) = (Vec::new(), Vec::new(), 0);
    let frame = |rooms, left, changed| Frame::CatchUp { id: id.map(ToOwned::to_owned), rooms, left, changed };
    for SyncSince { mut sync, since } in syncs {
        let hint = Changed { room_id: sync.room_id, rev: sync.room.rev };
        let length = shorten_to_fit(&mut sync, since, HOLDS);
        if size + length > HOLDS && !open.is_empty() {
            frames.push(frame(mem::take(&mut open), Vec::new(), Vec::new()));
            size = 0;
        }
        if frames.len() == MAX_FILLED || length > HOLDS {
            changed.push(hint);
            continue;
        }
        size += length;
        open.push(sync);
    }
    if !open.is_empty() && size + left.len() * ID_BYTES + changed.len() * HINT_BYTES > HOLDS {
        frames.push(frame(mem::take(&mut open), Vec::new(), Vec::new()));
    }
    if !(open.is_empty() && left.is_empty() && changed.is_empty()) {
        frames.push(frame(open, left, changed));
    }
    frames
}

/// Shortens until it fits. Returns the encoded length.
fn shorten_to_fit(sync: &mut RoomSync, since: u64, most: usize) -> usize {
    loop {
        let length = serde_json::to_vec(sync).map_or(usize::MAX, |text| text.len() + 1);
        if length <= most || !sync.shorten(since) {
            return length;
        }
    }
}

/// Builds a single `sync` frame, shortened to fit.
pub(crate) fn fit_frame(mut sync: RoomSync, since: u64, id: Option<&RawValue>) -> Frame {
    shorten_to_fit(&mut sync, since, MAX_FRAME - ENVELOPE_BYTES);
    Frame::Sync { id: id.map(ToOwned::to_owned), sync: Box::new(sync) }
}

#[cfg(test)]
mod tests {
    use super::complete_revs;

    #[test]
    fn a_batch_never_splits_one_change() {
        let cut = |revs: &[u64], wanted| complete_revs(revs.to_vec(), wanted, |rev| *rev);
        assert_eq!(cut(&[1, 2, 3], 3), Some((vec![1, 2, 3], None)), "all of it");
        assert_eq!(cut(&[1, 2, 3, 4], 3), Some((vec![1, 2, 3], Some(3))));
        assert_eq!(cut(&[1, 2, 2, 2], 3), Some((vec![1], Some(1))));
        assert_eq!(cut(&[2, 2, 2, 2], 3), None, "more must be read");
    }
}
