//! The actions of a client, parsed.

use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::messages::{NewContent, NewMessage, NewReaction};

/// An action of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// The first frame: requests the user, the rooms, and changes since the given revisions.
    Hello {
        /// Rooms known to the client, each with its `rev`.
        rooms: Vec<(RoomId, u64)>,
        /// Whether the client accepts `catch_up` frames for many rooms.
        packed: bool,
    },
    /// Sends a message.
    Send {
        /// The target room; the bound room when absent.
        room: Option<RoomRef>,
        /// The message to send.
        message: NewMessage,
    },
    /// Changes an existing message.
    Change {
        /// The room; changes never default to the bound room.
        room: RoomRef,
        /// The `seq` of the message.
        seq: u64,
        /// The change to make.
        change: Change,
    },
    /// Joins a room.
    Join {
        /// The room; the bound room when absent.
        room: Option<RoomRef>,
        /// The invite code, for a room that is not public.
        invite: Option<String>,
    },
    /// Leaves a room.
    Leave {
        /// The room; leaving never defaults to the bound room.
        room: RoomRef,
        /// The new owner, when the last owner leaves.
        owner: Option<UserId>,
    },
    /// Marks messages as read.
    Read {
        /// The room; the bound room when absent.
        room: Option<RoomRef>,
        /// The last message read.
        seq: u64,
    },
    /// Marks messages as delivered.
    Delivered {
        /// The room; the bound room when absent.
        room: Option<RoomRef>,
        /// The last message delivered.
        seq: u64,
    },
    /// Starts or stops the typing indicator.
    Typing {
        /// The room; the bound room when absent.
        room: Option<RoomRef>,
        /// Whether the user is typing.
        active: bool,
    },
    /// Requests the changes of a room since a `rev`.
    Sync {
        /// The room; the bound room when absent.
        room: Option<RoomRef>,
        /// The last `rev` known to the client.
        rev: u64,
    },
    /// Checks the connection and requests the changed rooms.
    Ping {
        /// The `ts` of an earlier `pong`.
        since: Option<i64>,
    },
    /// Replaces the access token.
    Renew {
        /// The token, bare or after `Bearer`.
        token: String,
    },
}

/// A change of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Replaces the text.
    Edit(NewContent),
    /// Deletes the message for everyone.
    Unsend,
    /// Adds a reaction.
    React(NewReaction),
    /// Removes a reaction.
    Unreact(NewReaction),
}
