//! Catching up: what changed in a room since a `rev`, as the rows are now. There is no log of events, so nothing is ever too long ago.
//!
//! A client keeps one `rev` for each room, up to which it knows everything. A frame with the next `rev` is applied and moves it on; one with
//! that `rev` or an earlier one is a double; one beyond the next means that something was lost, and so is a `rev` told by `pong`, `welcome` or
//! `room`: it asks `sync` from its own `rev` and replaces what it has by what comes. While a `sync` has `more`, only its parts move the `rev` on:
//! frames that come between two parts wait until the last one, because their `rev` is beyond rows that are still to come. A `sync` whose `rev`
//! is not beyond one's own is ignored: it was overtaken, and its rows may be older than what one has. With exactly one's own `rev` it still
//! says whether there is `more`: without, the last part has come; with, the next change is too large for a frame. Marks and typing have no `rev`. `room.left` is checked by asking `sync`, too: it may have been overtaken by a
//! newer `room.joined`, and `room_not_found` confirms it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, UserId};
use crate::protocol::messages::Message;
use crate::protocol::people::User;
use crate::protocol::rooms::{Role, Room};
use crate::time::Timestamp;

/// All that changed in one room since a `rev`, or the first part of it. A part holds every row of each `rev` that it reaches.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RoomSync {
    /// The room.
    pub room_id: RoomId,
    /// The room as the caller sees it now.
    pub room: Room,
    /// Messages that are new or changed, unsent ones as their tombstones, ascending by `seq`.
    pub messages: Vec<Message>,
    /// Members who are new or changed, those who left among them.
    pub members: Vec<MemberChange>,
    /// The client knows everything up to this count of changes once it has applied this.
    #[schema(example = 57)]
    pub rev: u64,
    /// Whether there is more: ask again from `rev`; other frames of the room wait until the last part. A frame
    /// that has more and no rows has met a change too large for a frame: ask over HTTP.
    pub more: bool,
}

/// A membership as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MemberChange {
    /// Whose it is.
    pub user_id: UserId,
    /// The person.
    pub user: User,
    /// Whether they are in the room.
    pub state: MemberState,
    /// What they may do, as a member.
    pub role: Role,
    /// When they joined last.
    pub joined_at: Timestamp,
    /// The last message that they have read; null when that is not the reader's to know.
    pub read_seq: Option<u64>,
    /// The last message that reached one of their devices; null as `read_seq` is.
    pub delivered_seq: Option<u64>,
    /// The room's `rev` when the membership last changed.
    pub rev: u64,
}

/// Whether a person is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// A member.
    Joined,
    /// Left, or was removed.
    Left,
    /// May not come back.
    Banned,
}

/// The caller's rooms that moved since a cursor.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RoomsSync {
    /// Rooms that changed, or in which the caller read on, oldest movement first. One may come again that was told before.
    pub rooms: Vec<Room>,
    /// The ids of all the caller's rooms, with the last page only: whatever else a client holds, the caller has left.
    pub joined: Option<Vec<RoomId>>,
    /// Pass it as `cursor`: at once while there is `more`, else next time.
    pub cursor: String,
    /// Whether there are more pages now.
    pub more: bool,
}

impl RoomSync {
    /// Keeps about half of it, down to nothing; true while that was possible. `since` is the `rev` that it began from.
    pub fn shorten(&mut self, since: u64) -> bool {
        let revs: BTreeSet<u64> =
            self.messages.iter().map(|message| message.rev).chain(self.members.iter().map(|member| member.rev)).collect();
        if revs.is_empty() {
            // Only the head is left, and its last message is found in history.
            return self.room.last_message.take().is_some();
        }
        let kept = revs.iter().copied().nth((revs.len() / 2).wrapping_sub(1)).unwrap_or(since);
        self.messages.retain(|message| message.rev <= kept);
        self.members.retain(|member| member.rev <= kept);
        (self.rev, self.more) = (kept, true);
        true
    }
}
