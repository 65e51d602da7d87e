//! Read markers. They only rise and are no change of the room: they have no `rev`.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, Seq, UserId};
use crate::protocol::people::User;
use crate::time::Timestamp;

/// Body of `PUT …/read` and `PUT …/delivered`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct Mark {
    /// The last message read or delivered; values beyond the last message are lowered to it.
    #[schema(value_type = u64, example = 42)]
    pub seq: Seq,
}

/// A member's read markers: the response to moving them, and their frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// The room.
    pub room_id: RoomId,
    /// The member.
    pub user_id: UserId,
    /// The last message that the member has read.
    #[schema(value_type = u64, example = 42)]
    pub read_seq: Seq,
    /// The last message delivered to one of the member's devices; never before `read_seq`.
    #[schema(value_type = u64, example = 42)]
    pub delivered_seq: Seq,
    /// The number of messages after `read_seq` that count as unread, as in `Room`. Only in the member's own receipts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
}

/// The receipts of one message, without its sender.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Receipts {
    /// Members who have read the message.
    pub read: Vec<Seen>,
    /// Members who have received the message, including those who have read it.
    pub delivered: Vec<Seen>,
}

/// A member's receipt of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Seen {
    /// The member.
    pub user: User,
    /// The time, or an upper bound of it: several messages read or delivered at once share the latest time.
    pub at: Option<Timestamp>,
}

/// The caller's unread messages in all rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Unread {
    /// The total.
    #[schema(example = 12)]
    pub total: u64,
    /// The number that mention the caller.
    #[schema(example = 1)]
    pub mentions: u64,
    /// The rooms with unread messages.
    pub rooms: Vec<RoomUnread>,
}

/// The caller's unread messages in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RoomUnread {
    /// The room.
    pub room_id: RoomId,
    /// The number of messages that count as unread, as in `Room`.
    #[schema(example = 12)]
    pub unread: u64,
    /// The number that mention the caller.
    #[schema(example = 1)]
    pub mentions: u64,
}
