//! Frames from server to client. `asyncapi.json` quotes the comments of the variants.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::id::{ConnectionId, Rev, RoomId, Seq, UserId};
use crate::protocol::action_docs::FrameId;
use crate::protocol::answers::{Ack, Refusal};
use crate::protocol::friends::Friendship;
use crate::protocol::invitations::Invitation;
use crate::protocol::messages::{Message, ReactionChange};
use crate::protocol::people::{Me, Presence, User};
use crate::protocol::receipts::Receipt;
use crate::protocol::rooms::{Member, Room, RoomProfile};
use crate::protocol::sync::RoomSync;
use crate::protocol::uploads::Upload;
use crate::time::Timestamp;

/// API Gateway's size limit of a frame.
pub const MAX_FRAME: usize = 32 * 1024;

/// A frame from server to client.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type")]
pub enum Frame {
    /// A message was sent. Clients update the room list from it.
    #[serde(rename = "message")]
    Message {
        /// The time of sending, in epoch milliseconds.
        ts: i64,
        /// The message.
        #[serde(flatten)]
        message: Box<Message>,
    },
    /// Messages of one room that were sent within about a second, in the order of their `seq`: in lively rooms instead of one `message` each. Only
    /// with the subprotocol `conchat.v2`.
    #[serde(rename = "messages")]
    Messages {
        /// Two or more messages; each is applied like a `message` frame.
        messages: Vec<Message>,
    },
    /// A message was edited.
    #[serde(rename = "message.edited")]
    MessageEdited {
        /// The message after the edit.
        #[serde(flatten)]
        message: Box<Message>,
    },
    /// A message was unsent: its content, attachments and reactions are deleted, its `seq` remains.
    #[serde(rename = "message.unsent")]
    MessageUnsent {
        /// The room.
        room_id: RoomId,
        /// The message's `seq`.
        #[schema(value_type = u64)]
        seq: Seq,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
        /// The time of unsending.
        deleted_at: Timestamp,
        /// The user who unsent it: the sender or a moderator.
        deleted_by: UserId,
    },
    /// A message was pinned or unpinned.
    #[serde(rename = "message.pinned")]
    MessagePinned {
        /// The room.
        room_id: RoomId,
        /// The message's `seq`.
        #[schema(value_type = u64)]
        seq: Seq,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
        /// The time of pinning; null after unpinning.
        pinned_at: Option<Timestamp>,
        /// The user who pinned or unpinned it.
        user_id: UserId,
    },
    /// The recipient hid a message on another device. Sent only to the recipient.
    #[serde(rename = "message.hidden")]
    MessageHidden {
        /// The room.
        room_id: RoomId,
        /// The message's `seq`.
        #[schema(value_type = u64)]
        seq: Seq,
        /// The recipient's `private_rev` after this change.
        #[schema(value_type = u64)]
        private_rev: Rev,
    },
    /// A reaction was added or removed.
    #[serde(rename = "reaction")]
    Reaction(ReactionChange),
    /// A room changed in a way that no other frame describes, or changes too often for single frames. Fetch the changes since your `rev`.
    #[serde(rename = "room")]
    Room {
        /// The room.
        room_id: RoomId,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
    },
    /// The room's profile changed: name, topic, avatar or settings.
    #[serde(rename = "room")]
    RoomChanged {
        /// The room.
        room_id: RoomId,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
        /// The new profile; other properties of the room are unchanged.
        room: Box<RoomProfile>,
    },
    /// A property of the room that only the recipient sees changed, such as muting.
    #[serde(rename = "room")]
    RoomSeen {
        /// The room.
        room_id: RoomId,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
        /// The room as the recipient sees it.
        room: Box<Room>,
        /// The recipient's `private_rev` after this change, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<u64>)]
        private_rev: Option<Rev>,
    },
    /// The room was deleted.
    #[serde(rename = "room.deleted")]
    RoomDeleted {
        /// The room.
        room_id: RoomId,
    },
    /// The recipient became a member of the room, or reopened a direct room.
    #[serde(rename = "room.joined")]
    RoomJoined {
        /// The room as the recipient sees it.
        room: Box<Room>,
        /// The recipient's `private_rev` after this change, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<u64>)]
        private_rev: Option<Rev>,
    },
    /// The recipient is no longer a member and gets no further frames of this room.
    #[serde(rename = "room.left")]
    RoomLeft {
        /// The room.
        room_id: RoomId,
    },
    /// The recipient closed a direct room. It returns to their list with the next message, or when they open it.
    #[serde(rename = "room.closed")]
    RoomClosed {
        /// The room.
        room_id: RoomId,
        /// The `seq` of the room's last message at that time.
        #[schema(value_type = u64)]
        last_seq: Seq,
        /// The recipient's `private_rev` after this change.
        #[schema(value_type = u64)]
        private_rev: Rev,
    },
    /// The recipient was invited to a room. Joining it accepts; `DELETE /api/rooms/{room_id}/invitation` declines.
    #[serde(rename = "room.invited")]
    RoomInvited(Box<Invitation>),
    /// An invitation of the recipient ended: declined or withdrawn.
    #[serde(rename = "room.uninvited")]
    RoomUninvited {
        /// The room.
        room_id: RoomId,
    },
    /// A member joined.
    #[serde(rename = "member.added")]
    MemberAdded {
        /// The room.
        room_id: RoomId,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
        /// The new member.
        member: Box<Member>,
    },
    /// A member's role changed.
    #[serde(rename = "member.updated")]
    MemberUpdated {
        /// The room.
        room_id: RoomId,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
        /// The member with the new role.
        member: Box<Member>,
    },
    /// A member left or was removed.
    #[serde(rename = "member.removed")]
    MemberRemoved {
        /// The room.
        room_id: RoomId,
        /// The room's revision.
        #[schema(value_type = u64)]
        rev: Rev,
        /// The former member.
        user_id: UserId,
    },
    /// A member's read marker moved. In rooms with up to 100 members it is sent to the senders of the messages that the marker passed, of at most the
    /// newest 100, and in all rooms to the member's other sockets, with `unread`. Who sends a message has read those before it: no frame says so.
    #[serde(rename = "receipt")]
    Receipt(Receipt),
    /// A member started or stopped typing. The state expires after six seconds. Of a room, three members per two seconds are announced.
    #[serde(rename = "typing")]
    Typing {
        /// The room.
        room_id: RoomId,
        /// The member.
        user_id: UserId,
        /// The member's username.
        username: String,
        /// Whether the member is typing.
        active: bool,
    },
    /// The presence of a user changed, or is no longer visible to the recipient.
    #[serde(rename = "presence")]
    Presence {
        /// The user.
        user_id: UserId,
        /// The new presence.
        #[serde(flatten)]
        presence: Presence,
        /// The time of the change, in epoch milliseconds; of two frames about one user the later one applies.
        ts: i64,
    },
    /// The profile of a user changed: a new name, text or avatar, or the account was erased. Sent to friends and to members of direct rooms and of the
    /// latest 100 rooms with up to 100 members, not across a block; others learn of it from `GET /api/sync`. The user's own devices also get `me`.
    #[serde(rename = "user.updated")]
    UserUpdated {
        /// The new profile.
        profile: Box<User>,
        /// The time of the change, in epoch milliseconds; of two frames about one user the later one applies.
        ts: i64,
        /// The recipient's own profile with private fields, also when only those changed.
        #[serde(skip_serializing_if = "Option::is_none")]
        me: Option<Box<Me>>,
        /// The recipient's `private_rev` after this change, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<u64>)]
        private_rev: Option<Rev>,
    },
    /// The recipient blocked or unblocked a user.
    #[serde(rename = "user.blocked")]
    UserBlocked {
        /// The other user.
        user_id: UserId,
        /// Whether the recipient now blocks the user.
        blocked: bool,
        /// The recipient's `private_rev` after this change.
        #[schema(value_type = u64)]
        private_rev: Rev,
    },
    /// The recipient received a friend request, or sent one from another device.
    #[serde(rename = "friend.request")]
    FriendRequest(Box<Friendship>),
    /// A friend request was accepted.
    #[serde(rename = "friend.accepted")]
    FriendAccepted(Box<Friendship>),
    /// A friendship ended, or a friend request was withdrawn or declined.
    #[serde(rename = "friend.removed")]
    FriendRemoved {
        /// The other user.
        user_id: UserId,
    },
    /// An upload of the recipient was verified and is ready for use.
    #[serde(rename = "upload.ready")]
    UploadReady {
        /// The upload.
        #[serde(flatten)]
        upload: Box<Upload>,
    },
    /// The changes of a room: the response to `sync`. Also follows `welcome` for each changed room named in `hello`, unless `packed` is set.
    #[serde(rename = "sync")]
    Sync {
        /// The `id` of the client's frame.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<FrameId>)]
        id: Option<Box<RawValue>>,
        /// The changes, as many as fit a frame.
        #[serde(flatten)]
        sync: Box<RoomSync>,
    },
    /// The changes of the rooms named in a `packed` `hello`. Follows `welcome`, in one or more frames.
    #[serde(rename = "catch_up")]
    CatchUp {
        /// The `id` of the client's frame.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<FrameId>)]
        id: Option<Box<RawValue>>,
        /// Changed rooms, each as in `sync`.
        rooms: Vec<RoomSync>,
        /// Rooms that the recipient is no longer a member of, as in `room.left`.
        left: Vec<RoomId>,
        /// Further changed rooms without their changes: fetch them with `sync`, as after `room`.
        changed: Vec<Changed>,
    },
    /// The response to `hello`.
    #[serde(rename = "welcome")]
    Welcome {
        /// The `id` of the client's frame.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<FrameId>)]
        id: Option<Box<RawValue>>,
        /// The authenticated user.
        user: Box<Me>,
        /// The id of this connection.
        #[schema(value_type = String)]
        connection_id: ConnectionId,
        /// The user's rooms by latest activity, as many as fit a frame; `GET /api/rooms?scope=joined` lists all.
        rooms: Vec<Room>,
        /// Whether `rooms` contains all rooms.
        complete: bool,
        /// The latest 20 open invitations; `GET /api/rooms?scope=invited` lists all.
        invited: Vec<Invitation>,
        /// Online users among friends and direct-room partners who share their presence; null when presence is unavailable.
        online: Option<Vec<UserId>>,
        /// The server's time.
        server_time: Timestamp,
        /// When to have opened the next socket; this one closes soon after.
        reconnect_before: Timestamp,
        /// The number of changes of what only the user sees or sets: profile, settings, blocks, hidden messages, muted and closed rooms. Frames about such
        /// changes carry it; a hole is a lost frame, which `GET /api/sync` repeats.
        #[schema(value_type = u64)]
        private_rev: Rev,
        /// The cursor for `GET /api/sync` that names all of the user's rooms as known.
        cursor: String,
    },
    /// The action succeeded: stored and pushed.
    #[serde(rename = "ack")]
    Ack(Ack),
    /// The action failed.
    #[serde(rename = "error")]
    Error(Refusal),
    /// The response to `ping`.
    #[serde(rename = "pong")]
    Pong {
        /// The `id` of the client's frame.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<FrameId>)]
        id: Option<Box<RawValue>>,
        /// The server's time in epoch milliseconds; pass it as `since` in the next `ping`.
        ts: i64,
        /// The user's rooms that changed since; the latest 1,000.
        changed: Vec<Changed>,
        /// Whether `changed` contains all of them; the list of rooms has the others.
        complete: bool,
        /// The user's current `private_rev`; absent without `since`. A higher one than the client knows reveals a lost frame.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<u64>)]
        private_rev: Option<Rev>,
    },
    /// The last frame before the server closes the socket.
    #[serde(rename = "bye")]
    Bye {
        /// The reason for programs: `session_ended`, `session_replaced`, `account_disabled`, `account_erased`, `too_many_connections` or
        /// `too_many_frames`.
        code: &'static str,
        /// The reason for people.
        reason: &'static str,
        /// Whether the client should reconnect.
        resume: bool,
    },
}

/// A room and its revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Changed {
    /// The room.
    pub room_id: RoomId,
    /// The room's revision.
    #[schema(value_type = u64)]
    pub rev: Rev,
}
