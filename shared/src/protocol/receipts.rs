//! How far people have read. Marks only rise; they are no change of the room, so they carry no `rev` and nothing waits for them.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, UserId};
use crate::protocol::people::User;
use crate::time::Timestamp;

/// Body of `PUT …/read` and `PUT …/delivered`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct Mark {
    /// The last message that was read, or that reached a device; one beyond the room's end means the end.
    #[schema(example = 42)]
    pub seq: u64,
}

/// How far a member is: the answer to marking, and the frame of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// The room.
    pub room_id: RoomId,
    /// Whose marks they are.
    pub user_id: UserId,
    /// The last message that they have read.
    #[schema(example = 42)]
    pub read_seq: u64,
    /// The last message that reached one of their devices; never before `read_seq`.
    #[schema(example = 42)]
    pub delivered_seq: u64,
    /// Messages of others after `read_seq` that were not unsent; told to oneself only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
}

/// Who has read one message, and whom it has reached. Its writer is in neither list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Receipts {
    /// Members who have read it.
    pub read: Vec<Seen>,
    /// Members whom it has reached, those who have read it among them.
    pub delivered: Vec<Seen>,
}

/// Someone whom a message has reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Seen {
    /// The person.
    pub user: User,
    /// When, or a later moment by which it surely was: whoever reads by writing, or takes several deliveries, leaves only the last time.
    pub at: Option<Timestamp>,
}

/// What the caller has not read, in all rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Unread {
    /// Messages in all.
    #[schema(example = 12)]
    pub total: u64,
    /// Those of them that mention the caller.
    #[schema(example = 1)]
    pub mentions: u64,
    /// The rooms that have any.
    pub rooms: Vec<RoomUnread>,
}

/// What the caller has not read in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RoomUnread {
    /// The room.
    pub room_id: RoomId,
    /// Messages of others, of the system too, that were not unsent.
    #[schema(example = 12)]
    pub unread: u64,
    /// Those of them that mention the caller.
    #[schema(example = 1)]
    pub mentions: u64,
}
