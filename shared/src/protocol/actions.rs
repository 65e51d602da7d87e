//! What a client can ask for over the socket, once its frame was read.

use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::messages::{NewContent, NewMessage, NewReaction};

/// What a client can ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// The first frame: who am I, what are my rooms, and what changed in some of them.
    Hello {
        /// Rooms that the client knows, each up to a `rev`.
        rooms: Vec<(RoomId, u64)>,
        /// Whether their catch-up may come in frames of many rooms.
        packed: bool,
    },
    /// A message, to the room named or else to the bound one.
    Send {
        /// Where to.
        room: Option<RoomRef>,
        /// What.
        message: NewMessage,
    },
    /// A change of a message that exists.
    Change {
        /// In which room; a change never falls back to another.
        room: RoomRef,
        /// The message's place.
        seq: u64,
        /// What becomes of it.
        change: Change,
    },
    /// Become a member.
    Join {
        /// Of which room.
        room: Option<RoomRef>,
        /// The code of an invite, for a room that is not public.
        invite: Option<String>,
    },
    /// Be no member any longer.
    Leave {
        /// Of which room; leaving never falls back to another.
        room: RoomRef,
        /// Who owns it from now on, when its last owner leaves.
        owner: Option<UserId>,
    },
    /// Everything up to a message was read.
    Read {
        /// In which room.
        room: Option<RoomRef>,
        /// The last message.
        seq: u64,
    },
    /// Everything up to a message has arrived.
    Delivered {
        /// In which room.
        room: Option<RoomRef>,
        /// The last message.
        seq: u64,
    },
    /// The caller writes, or stopped.
    Typing {
        /// In which room.
        room: Option<RoomRef>,
        /// Whether they write.
        active: bool,
    },
    /// What changed in a room since a `rev`.
    Sync {
        /// The room.
        room: Option<RoomRef>,
        /// The room's count of changes up to which the client knows it.
        rev: u64,
    },
    /// Am I still heard, and what changed since.
    Ping {
        /// A `ts` of an earlier answer.
        since: Option<i64>,
    },
    /// Here is a fresh access token.
    Renew {
        /// The token, bare or after `Bearer`.
        token: String,
    },
}

/// What can become of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// It says something else.
    Edit(NewContent),
    /// It is gone for everyone.
    Unsend,
    /// The caller reacts to it.
    React(NewReaction),
    /// The caller no longer reacts to it so.
    Unreact(NewReaction),
}
