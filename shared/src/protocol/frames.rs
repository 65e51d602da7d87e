//! Frames from server to client: one type for all of them, and its variants' comments are what `asyncapi.json` says of each.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::id::{ConnectionId, MessageId, RoomId, UserId};
use crate::protocol::friends::Friendship;
use crate::protocol::invitations::Invitation;
use crate::protocol::messages::{Message, ReactionChange};
use crate::protocol::people::{Me, Presence};
use crate::protocol::receipts::Receipt;
use crate::protocol::rooms::{Facts, Member, Room};
use crate::protocol::sync::RoomSync;
use crate::protocol::uploads::Upload;
use crate::protocol::verbs::Called;
use crate::time::Timestamp;

/// API Gateway's limit for one frame.
pub const MAX_FRAME: usize = 32 * 1024;

/// How a connection wants its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Subprotocol `conchat.v1`: nothing twice.
    Lean,
    /// No subprotocol: the older clients' keys besides.
    Full,
}

/// Everything that a client can receive.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type")]
pub enum Frame {
    /// A message was sent. It is itself the update of the room list.
    #[serde(rename = "message")]
    Message {
        /// When it was sent, in epoch milliseconds.
        ts: i64,
        /// The message.
        #[serde(flatten)]
        message: Box<Message>,
    },
    /// A message was edited: the message as it is now.
    #[serde(rename = "message.edited")]
    MessageEdited {
        /// The message.
        #[serde(flatten)]
        message: Box<Message>,
    },
    /// A message was unsent: its content and all that hung on it are gone, its place stays.
    #[serde(rename = "message.unsent")]
    MessageUnsent {
        /// The room.
        room_id: RoomId,
        /// The message's place.
        seq: u64,
        /// The room's count of changes.
        rev: u64,
        /// When.
        deleted_at: Timestamp,
        /// By whom: the writer, or a moderator.
        deleted_by: UserId,
    },
    /// A message was pinned or unpinned.
    #[serde(rename = "message.pinned")]
    MessagePinned {
        /// The room.
        room_id: RoomId,
        /// The message's place.
        seq: u64,
        /// The room's count of changes.
        rev: u64,
        /// When it was pinned; null when it no longer is.
        pinned_at: Option<Timestamp>,
        /// By whom.
        user_id: UserId,
    },
    /// The receiver hid a message on one of their devices; nobody else is told.
    #[serde(rename = "message.hidden")]
    MessageHidden {
        /// The room.
        room_id: RoomId,
        /// The message's place.
        seq: u64,
    },
    /// Someone reacted to a message, or took it back.
    #[serde(rename = "reaction")]
    Reaction(ReactionChange),
    /// A room changed in a way that no other frame tells, or is too busy for single messages: fetch what is newer than your `rev`.
    #[serde(rename = "room")]
    Room {
        /// The room.
        room_id: RoomId,
        /// Its count of changes.
        rev: u64,
    },
    /// What the room says of itself changed: name, topic, rules.
    #[serde(rename = "room")]
    RoomChanged {
        /// The room.
        room_id: RoomId,
        /// Its count of changes.
        rev: u64,
        /// What it says of itself now; whatever else is known of the room stays.
        room: Box<Facts>,
    },
    /// Something that only the receiver sees of a room changed: whether it is muted.
    #[serde(rename = "room")]
    RoomSeen {
        /// The room.
        room_id: RoomId,
        /// Its count of changes.
        rev: u64,
        /// The room, as the receiver sees it.
        room: Box<Room>,
    },
    /// The room is no more.
    #[serde(rename = "room.deleted")]
    RoomDeleted {
        /// The room.
        room_id: RoomId,
    },
    /// The receiver is now a member.
    #[serde(rename = "room.joined")]
    RoomJoined {
        /// The room, as the receiver sees it.
        room: Box<Room>,
    },
    /// The receiver is no longer a member; nothing more comes from this room.
    #[serde(rename = "room.left")]
    RoomLeft {
        /// The room.
        room_id: RoomId,
    },
    /// The receiver closed a direct room: it is in their list again once there is a newer message, or when they open it.
    #[serde(rename = "room.closed")]
    RoomClosed {
        /// The room.
        room_id: RoomId,
        /// The seq of its last message when it was closed.
        last_seq: u64,
    },
    /// The receiver is asked into a room: joining it accepts, `DELETE /api/rooms/{room_id}/invitation` declines.
    #[serde(rename = "room.invited")]
    RoomInvited(Box<Invitation>),
    /// An invitation of the receiver's ended, because they declined it or it was taken back.
    #[serde(rename = "room.uninvited")]
    RoomUninvited {
        /// The room.
        room_id: RoomId,
    },
    /// Someone joined.
    #[serde(rename = "member.added")]
    MemberAdded {
        /// The room.
        room_id: RoomId,
        /// Its count of changes.
        rev: u64,
        /// Who.
        member: Box<Member>,
    },
    /// A member's role changed.
    #[serde(rename = "member.updated")]
    MemberUpdated {
        /// The room.
        room_id: RoomId,
        /// Its count of changes.
        rev: u64,
        /// Who, as from now on.
        member: Box<Member>,
    },
    /// Someone left or was removed.
    #[serde(rename = "member.removed")]
    MemberRemoved {
        /// The room.
        room_id: RoomId,
        /// Its count of changes.
        rev: u64,
        /// Who.
        user_id: UserId,
    },
    /// How far a member has read: to every member of a room of up to 100, else to oneself alone; to oneself with what is unread then.
    #[serde(rename = "receipt")]
    Receipt(Receipt),
    /// Someone writes, or stopped; forget it after six seconds.
    #[serde(rename = "typing")]
    Typing {
        /// The room.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
        /// Their username.
        username: String,
        /// Whether they write.
        active: bool,
    },
    /// Somebody whose presence the receiver hears of came or went, or tells it no longer.
    #[serde(rename = "presence")]
    Presence {
        /// Who.
        user_id: UserId,
        /// As from now on.
        #[serde(flatten)]
        presence: Presence,
        /// When, in epoch milliseconds: of two frames about one person the later one holds.
        ts: i64,
    },
    /// Somebody asked the receiver for friendship, or the receiver asked on another device.
    #[serde(rename = "friend.request")]
    FriendRequest(Box<Friendship>),
    /// The receiver has a friend.
    #[serde(rename = "friend.accepted")]
    FriendAccepted(Box<Friendship>),
    /// Nothing stands between the two any longer: a friendship ended, or a request was withdrawn or declined.
    #[serde(rename = "friend.removed")]
    FriendRemoved {
        /// The other one.
        user_id: UserId,
    },
    /// One of the receiver's uploads was looked at, and can be used.
    #[serde(rename = "upload.ready")]
    UploadReady {
        /// The upload.
        #[serde(flatten)]
        upload: Box<Upload>,
    },
    /// What changed in a room: answer to `sync`, and after `welcome` for each room named in `hello` that changed, unless it was `packed`.
    #[serde(rename = "sync")]
    Sync {
        /// What the client's frame was called.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Called>)]
        id: Option<Box<RawValue>>,
        /// As much of it as fits a frame.
        #[serde(flatten)]
        sync: Box<RoomSync>,
    },
    /// What changed in the rooms named in `hello`, many in one frame: after `welcome`, when `hello` was `packed`. It may come in several frames.
    #[serde(rename = "catch_up")]
    CatchUp {
        /// What the client's frame was called.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Called>)]
        id: Option<Box<RawValue>>,
        /// Rooms that changed, each as `sync` tells it.
        rooms: Vec<RoomSync>,
        /// Rooms in which the receiver is no longer, as `room.left` tells them.
        left: Vec<RoomId>,
        /// Rooms that changed, too, but are not told here: ask `sync`, as after `room`.
        changed: Vec<Changed>,
    },
    /// Answer to `hello`.
    #[serde(rename = "welcome")]
    Welcome {
        /// What the client's frame was called.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Called>)]
        id: Option<Box<RawValue>>,
        /// Oneself.
        user: Box<Me>,
        /// This socket.
        #[schema(value_type = String)]
        connection_id: ConnectionId,
        /// One's rooms, newest activity first; as many as fit a frame, the rest by `GET /api/rooms?scope=joined`.
        rooms: Vec<Room>,
        /// Whether `rooms` is all of them.
        complete: bool,
        /// The newest invitations that wait for one's answer, at most 20; all of them by `GET /api/rooms?scope=invited`.
        invited: Vec<Invitation>,
        /// Those of one's friends, and of the others of one's direct rooms, who are online and let one know; null when that cannot be told now.
        online: Option<Vec<UserId>>,
        /// The server's clock.
        server_time: Timestamp,
        /// Open the next socket before this moment; this one ends soon after.
        reconnect_before: Timestamp,
    },
    /// The action was done: stored and pushed.
    #[serde(rename = "ack")]
    Ack(Ack),
    /// The action was not done.
    #[serde(rename = "error")]
    Error(Refusal),
    /// Answer to `ping`.
    #[serde(rename = "pong")]
    Pong {
        /// What the client's frame was called.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Called>)]
        id: Option<Box<RawValue>>,
        /// The server's clock in epoch milliseconds; pass it as `since` next time.
        ts: i64,
        /// One's rooms that changed since; of more than 1,000 those that changed last.
        changed: Vec<Changed>,
        /// Whether those are all; if not, the list of rooms has the others.
        complete: bool,
    },
    /// The last frame before the server closes the socket.
    #[serde(rename = "bye")]
    Bye {
        /// Why, for programs: `session_ended`, `session_replaced`, `account_disabled`, `account_erased`, `too_many_connections`, `too_many_frames`.
        code: &'static str,
        /// Why, for people.
        reason: &'static str,
        /// Whether to connect again.
        resume: bool,
    },
}

/// A room and its count of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Changed {
    /// The room.
    pub room_id: RoomId,
    /// Its count of changes.
    pub rev: u64,
}

/// The one positive answer to an action.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Ack {
    /// What the client's frame was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Called>)]
    pub id: Option<Box<RawValue>>,
    /// The room it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// The message's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The room's count of changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<u64>,
    /// The message's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The sender's own key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// The one negative answer to an action.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Refusal {
    /// What the client's frame was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Called>)]
    pub id: Option<Box<RawValue>>,
    /// The sender's own key, when the action carried one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Stable snake_case code.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
    /// Quote it when reporting the problem.
    pub request_id: String,
    /// Seconds until the next try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Frame {
    /// The change of a room that this frame tells its members, and that `sync` would tell as well.
    pub fn change(&self) -> Option<(RoomId, u64)> {
        match self {
            Self::Message { message, .. } | Self::MessageEdited { message } => Some((message.room_id, message.rev)),
            Self::Reaction(reaction) => Some((reaction.room_id, reaction.rev)),
            Self::MessageUnsent { room_id, rev, .. }
            | Self::MessagePinned { room_id, rev, .. }
            | Self::Room { room_id, rev }
            | Self::RoomChanged { room_id, rev, .. }
            | Self::MemberAdded { room_id, rev, .. }
            | Self::MemberUpdated { room_id, rev, .. }
            | Self::MemberRemoved { room_id, rev, .. } => Some((*room_id, *rev)),
            _ => None,
        }
    }
}
