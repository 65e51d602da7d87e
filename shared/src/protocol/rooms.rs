//! Rooms and their members.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, UserId};
use crate::protocol::messages::Message;
use crate::protocol::people::User;
use crate::time::Timestamp;

/// What a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Of two people.
    Direct,
    /// By invitation.
    Group,
    /// Anyone may read and join.
    Public,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Manages members and the room.
    Admin,
    /// Manages admins, and may delete the room.
    Owner,
}

/// A room as the caller sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Room {
    /// The room's id.
    pub id: RoomId,
    /// What it is.
    pub kind: RoomKind,
    /// A name for URLs, where it has one.
    #[schema(example = "general")]
    pub slug: Option<String>,
    /// Its name; empty for direct rooms.
    #[schema(example = "General")]
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Where its avatar is, if it has one.
    pub avatar_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether the caller is a member.
    pub joined: bool,
    /// The caller's role, as a member.
    pub role: Option<Role>,
    /// How many members it has.
    pub members_count: u32,
    /// The other one of a direct room.
    pub direct_user: Option<User>,
    /// The seq of its last message.
    pub last_seq: u64,
    /// Its count of changes.
    pub rev: u64,
    /// Its last message, as far as the caller may read it.
    pub last_message: Option<Message>,
    /// Messages of others that the caller has not read.
    pub unread: u64,
    /// Unread messages that mention the caller.
    pub mentions: u64,
    /// Until when the caller wants to hear nothing of it.
    pub muted_until: Option<Timestamp>,
    /// Rules of this room.
    pub settings: Settings,
}

/// Rules of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Settings {
    /// Whether nothing can be written any more.
    pub archived: bool,
}

/// Someone in a room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// The person.
    pub user: User,
    /// What they may do.
    pub role: Role,
    /// When they joined.
    pub joined_at: Timestamp,
    /// The last message that they have read.
    pub read_seq: u64,
    /// The last message that reached one of their devices.
    pub delivered_seq: u64,
}

/// Body of `POST /api/rooms`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct NewRoom {
    /// 1–100 characters.
    #[schema(example = "Lunch", min_length = 1, max_length = 100)]
    pub name: String,
    /// `group` (by invitation) or `public`.
    pub kind: Option<RoomKind>,
    /// At most 500 characters.
    pub topic: Option<String>,
    /// People who are members from the start, at most 100.
    #[serde(default)]
    pub member_ids: Vec<UserId>,
}

/// Which rooms to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Public rooms and one's own.
    #[default]
    All,
    /// One's own.
    Joined,
    /// Public rooms.
    Public,
}
