//! Synchronisation: the changes of a room since a `rev`, read from the current rows. There is no event log, so no `rev` is ever too old.
//!
//! A client keeps one `rev` per room, up to which it knows everything:
//!
//! - A frame with the next `rev` is applied and advances it. A frame with an earlier or equal `rev` is a duplicate. A later one, also in `pong`,
//!   `welcome` or `room`, reveals a gap: the client requests `sync` from its own `rev` and replaces its rows by the response.
//! - While a `sync` has `more`, only its parts advance the `rev`. Other frames of the room wait for the last part, because their `rev` lies beyond
//!   rows still to come.
//! - A `sync` whose `rev` is not beyond the client's is outdated and ignored. With an equal `rev` only `more` counts: false means that the last part
//!   has arrived; true means that the next change is too large for a frame.
//! - Read markers and typing have no `rev`.
//! - What only the user sees or sets (profile, settings, blocks, hidden messages, muted and closed rooms) counts in the user's `private_rev`. A frame
//!   with the next one advances the client's, an earlier or equal one is a duplicate, and a later one, also in `pong`, reveals a gap, which
//!   `GET /api/sync` closes.
//! - `room.left` can be outdated by a later `room.joined`: the client requests `sync`, and `room_not_found` confirms it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{Rev, RoomId, Seq, UserId};
use crate::protocol::messages::Message;
use crate::protocol::people::{Me, User};
use crate::protocol::rooms::{Role, Room};
use crate::time::Timestamp;

/// All changes of a room since a `rev`, or the first part of them. A part contains every row of each `rev` that it covers.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RoomSync {
    /// The room.
    pub room_id: RoomId,
    /// The room as the caller sees it now.
    pub room: Room,
    /// New and changed messages by `seq`; unsent ones are tombstones.
    pub messages: Vec<Message>,
    /// New and changed members, including those who left.
    pub members: Vec<MemberChange>,
    /// The `rev` of the client after it applies this response.
    #[schema(value_type = u64, example = 57)]
    pub rev: Rev,
    /// Whether more changes follow: request them from `rev`. Other frames of the room wait until the last part. A frame with `more` and no rows has
    /// reached a change too large for a frame: fetch it over HTTP.
    pub more: bool,
}

/// The current state of a membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MemberChange {
    /// The user's id.
    pub user_id: UserId,
    /// The user.
    pub user: User,
    /// Whether the user is in the room.
    pub state: MemberState,
    /// The member's role.
    pub role: Role,
    /// The time of the last join.
    pub joined_at: Timestamp,
    /// The last message that the member has read; null when the caller may not see it.
    #[schema(value_type = Option<u64>)]
    pub read_seq: Option<Seq>,
    /// The last message delivered to one of the member's devices; null when the caller may not see it.
    #[schema(value_type = Option<u64>)]
    pub delivered_seq: Option<Seq>,
    /// The room's `rev` at the last change of the membership.
    #[schema(value_type = u64)]
    pub rev: Rev,
}

/// The state of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// The user is a member.
    Joined,
    /// The user left or was removed.
    Left,
    /// The user is banned from the room.
    Banned,
}

/// The caller's rooms, the people in them, and the caller's private state, as far as they changed since a cursor.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RoomsSync {
    /// Rooms that changed, in which the caller's read marker moved, or that the caller muted or reopened, oldest change first. Rooms can repeat across
    /// pages.
    pub rooms: Vec<Room>,
    /// The ids of all the caller's rooms, only on the last page; null without rooms. Remove every other room.
    pub joined: Option<Vec<RoomId>>,
    /// The cursor of the next request: at once while `more` is true, else at the next synchronisation.
    pub cursor: String,
    /// Whether more pages follow now.
    pub more: bool,
    /// The present profiles of users who changed them, only on the first page: members of the caller's rooms, present or past, friends, users with a
    /// pending friend request, and blocked users.
    pub users: Vec<UserChange>,
    /// Whether `users` has all of them. False without a cursor and after more than 200 changes on the server: read again what is held of other users.
    pub users_complete: bool,
    /// Changes of what only the caller sees or sets.
    pub private: PrivateChanges,
}

/// A changed profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UserChange {
    /// The present profile.
    #[serde(flatten)]
    pub user: User,
    /// The time of the change in epoch milliseconds, as in `user.updated`.
    pub ts: i64,
}

/// Changes of what only the caller sees or sets. Muted, closed and reopened rooms are among the rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PrivateChanges {
    /// The caller's `private_rev` after these changes.
    #[schema(value_type = u64, example = 12)]
    pub rev: Rev,
    /// Messages that the caller hid: remove them, and read the unread counts of their rooms anew. Empty without a cursor: read again what is held.
    pub hidden: Vec<HiddenMessage>,
    /// The caller's profile, e-mail address, role and settings if they changed.
    pub me: Option<Me>,
    /// Whether the list of blocked users changed: `GET /api/blocks` has it.
    pub blocks: bool,
}

/// A message that the caller hid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HiddenMessage {
    /// The room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(value_type = u64)]
    pub seq: Seq,
}

impl RoomSync {
    /// Drops about half of the rows. Returns false when nothing can be dropped. `since` is the starting `rev`.
    pub fn shorten(&mut self, since: Rev) -> bool {
        let revs: BTreeSet<Rev> =
            self.messages.iter().map(|message| message.rev).chain(self.members.iter().map(|member| member.rev)).collect();
        if revs.is_empty() {
            // The room alone is left; its last message is available in the history.
            return self.room.last_message.take().is_some();
        }
        let kept = revs.iter().copied().nth((revs.len() / 2).wrapping_sub(1)).unwrap_or(since);
        self.messages.retain(|message| message.rev <= kept);
        self.members.retain(|member| member.rev <= kept);
        (self.rev, self.more) = (kept, true);
        true
    }
}
