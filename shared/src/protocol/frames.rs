//! Frames from server to client. One serialiser for both dialects: without `conchat.v1` a message carries the older clients' keys besides.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::id::{ConnectionId, MessageId, RoomId, UserId};
use crate::protocol::messages::Message;
use crate::protocol::people::{Me, User};
use crate::protocol::rooms::{Member, Room};
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
#[derive(Clone, Debug, Serialize)]
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
    /// A room changed in a way that no other frame tells, or is too busy for single messages: fetch what is newer than your `rev`.
    #[serde(rename = "room")]
    Room {
        /// The room.
        room_id: RoomId,
        /// Its count of changes.
        rev: u64,
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
    /// Answer to `hello`.
    #[serde(rename = "welcome")]
    Welcome {
        /// What the client's frame was called.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Box<RawValue>>,
        /// Oneself.
        user: Box<Me>,
        /// This socket.
        connection_id: ConnectionId,
        /// One's rooms, newest activity first; as many as fit a frame, the rest by `GET /api/rooms?scope=joined`.
        rooms: Vec<Room>,
        /// Whether `rooms` is all of them.
        complete: bool,
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
        id: Option<Box<RawValue>>,
        /// The server's clock in epoch milliseconds; pass it as `since` next time.
        ts: i64,
        /// One's rooms that changed since.
        changed: Vec<Changed>,
    },
    /// The last frame before the server closes the socket.
    #[serde(rename = "bye")]
    Bye {
        /// Why, for programs.
        code: &'static str,
        /// Why, for people.
        reason: &'static str,
        /// Whether to connect again.
        resume: bool,
    },
}

/// A room and its count of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The room.
    pub room_id: RoomId,
    /// Its count of changes.
    pub rev: u64,
}

/// The one positive answer to an action.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ack {
    /// What the client's frame was called.
    #[serde(skip_serializing_if = "Option::is_none")]
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
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// What the client's frame was called.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// A message's frame.
    pub fn message(message: Message) -> Self {
        Self::Message { ts: message.created_at.0, message: Box::new(message) }
    }

    /// A new member's frame.
    pub fn member_added(room_id: RoomId, rev: u64, user: User, role: crate::protocol::rooms::Role, at: Timestamp) -> Self {
        let member = Member { user, role, joined_at: at, read_seq: 0, delivered_seq: 0 };
        Self::MemberAdded { room_id, rev, member: Box::new(member) }
    }

    /// The bytes for a connection of this dialect. What does not fit a frame becomes a hint to fetch it.
    pub fn encode(&self, dialect: Dialect) -> Bytes {
        let bytes = match (self, dialect) {
            (Self::Message { message, .. }, Dialect::Full) => json(&Older { frame: self, extra: OlderKeys::of(message) }),
            _ => json(self),
        };
        match self {
            Self::Message { message, .. } if bytes.len() > MAX_FRAME => {
                json(&Self::Room { room_id: message.room_id, rev: message.rev })
            }
            _ => bytes,
        }
    }
}

/// A frame and the keys that older clients read.
#[derive(Serialize)]
struct Older<'a> {
    #[serde(flatten)]
    frame: &'a Frame,
    #[serde(flatten)]
    extra: OlderKeys<'a>,
}

#[derive(Serialize)]
struct OlderKeys<'a> {
    data: OlderData<'a>,
    user: Option<&'a str>,
    message: &'a str,
}

#[derive(Serialize)]
struct OlderData<'a> {
    room_id: String,
    content: &'a str,
    file_url: Option<&'a str>,
    message_id: MessageId,
}

impl<'a> OlderKeys<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            data: OlderData {
                room_id: message.room_id.to_string(),
                content: &message.content,
                file_url: message.attachments.first().map(|attachment| attachment.url.as_str()),
                message_id: message.id,
            },
            user: message.username.as_deref(),
            message: &message.content,
        }
    }
}

/// Our own types always serialise; an empty frame would be the sign of a defect, and the tests would see it.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}
