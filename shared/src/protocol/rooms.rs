//! Rooms and members.

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{Rev, RoomId, Seq, UploadId, UserId};
use crate::protocol::messages::Message;
use crate::protocol::null_is_default;
use crate::protocol::people::{Person, User};
use crate::time::Timestamp;

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// A room of two users.
    Direct,
    /// A room with membership by invitation.
    Group,
    /// A room that everyone may read and join.
    Public,
}

/// The role of a member, in ascending order of rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Manages members and the room.
    Admin,
    /// Manages admins and may delete the room.
    Owner,
}

/// A room as the caller sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Room {
    /// The room's id.
    pub id: RoomId,
    /// The kind of the room.
    pub kind: RoomKind,
    /// The room's name in URLs, if set.
    #[schema(example = "general")]
    pub slug: Option<String>,
    /// The room's name; empty for direct rooms.
    #[schema(example = "General")]
    pub name: String,
    /// The room's topic.
    pub topic: String,
    /// The URL of the avatar, if set.
    pub avatar_url: Option<String>,
    /// When the room was created.
    pub created_at: Timestamp,
    /// Whether the caller is a member.
    pub joined: bool,
    /// The caller's role as a member.
    pub role: Option<Role>,
    /// The number of members.
    pub members_count: u32,
    /// The other user of a direct room; over HTTP with their presence.
    pub direct_user: Option<Person>,
    /// The `seq` of the last message.
    #[schema(value_type = u64)]
    pub last_seq: Seq,
    /// The room's revision, incremented by every change.
    #[schema(value_type = u64)]
    pub rev: Rev,
    /// When the room was last active for the caller, the order of room lists: the last message of a member, or the caller's joining.
    pub active_at: Timestamp,
    /// The last message that the caller may read and has not hidden. System messages are left out unless `settings.count_system_messages`.
    pub last_message: Option<Message>,
    /// The last message that the caller has read as a member.
    #[schema(value_type = Option<u64>)]
    pub read_seq: Option<Seq>,
    /// The number of other users' messages after `read_seq`, without unsent ones and those that the caller hid. System messages count with
    /// `settings.count_system_messages`.
    pub unread: u64,
    /// The number of messages counted by `unread` that mention the caller, without those of users whom a block parts from the caller.
    pub mentions: u64,
    /// Until when the caller has muted the room.
    pub muted_until: Option<Timestamp>,
    /// Whether either user of a direct room blocks the other, which prevents messages.
    pub blocked: bool,
    /// Whether the caller closed this direct room, which hides it until the next message.
    pub closed: bool,
    /// The room's settings.
    pub settings: Settings,
}

/// The settings of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Settings {
    /// Whether the room is archived and refuses messages.
    pub archived: bool,
    /// Minimum interval in seconds between messages of a member (slow mode); 0 disables it. Admins and owners are exempt.
    #[schema(example = 0)]
    pub slow_mode_seconds: u32,
    /// Who may send messages.
    pub who_writes: AllowedRole,
    /// Who may add and invite users.
    pub who_adds: AllowedRole,
    /// Whether members who leave or are removed while this is on can still read the room up to that time, without messages unsent later.
    pub past_members_read: bool,
    /// Whether system messages (joined, left, renamed, …) count as unread, lift the room in lists and are its `last_message`.
    pub count_system_messages: bool,
}

/// Which members may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Whoever)]
pub enum AllowedRole {
    /// All members.
    Members,
    /// Admins and owners.
    Admins,
}

/// The profile of a room, identical for all readers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Facts)]
pub struct RoomProfile {
    /// The room's name.
    pub name: String,
    /// The room's topic.
    pub topic: String,
    /// The URL of the avatar, if set.
    pub avatar_url: Option<String>,
    /// The room's settings.
    pub settings: Settings,
}

/// A member of a room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// The user.
    pub user: User,
    /// The member's role.
    pub role: Role,
    /// When the user joined.
    pub joined_at: Timestamp,
    /// The last message that the member has read; null when the caller may not see it, and in frames.
    #[schema(value_type = Option<u64>)]
    pub read_seq: Option<Seq>,
    /// The last message delivered to one of the member's devices; null like `read_seq`.
    #[schema(value_type = Option<u64>)]
    pub delivered_seq: Option<Seq>,
}

/// Body of `POST /api/rooms`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewRoom {
    /// The name, 1–100 characters. Stored composed (NFC) and without characters that do not show.
    #[schema(example = "Lunch", min_length = 1, max_length = 100)]
    pub name: String,
    /// `group` (by invitation) or `public`.
    pub kind: Option<RoomKind>,
    /// The topic, at most 500 characters.
    pub topic: Option<String>,
    /// Up to 100 users to add; those who do not let the caller add them receive an invitation.
    #[serde(default, deserialize_with = "null_is_default")]
    pub member_ids: Vec<UserId>,
}

/// Body of `PATCH /api/rooms/{room_id}`; absent fields are unchanged.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeRoom {
    /// The name, 1–100 characters. Stored composed (NFC) and without characters that do not show.
    #[schema(example = "Lunch", min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// The topic, at most 500 characters.
    #[schema(max_length = 500)]
    pub topic: Option<String>,
    /// An upload of the caller with the purpose `avatar`, ready and unused; null removes the avatar.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, example = 5)]
    pub avatar_upload_id: Option<Option<UploadId>>,
    /// Whether the room is archived and refuses messages.
    pub archived: Option<bool>,
    /// The settings.
    #[serde(default, deserialize_with = "null_is_default")]
    pub settings: ChangeSettings,
}

/// Distinguishes null from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<UploadId>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Settings to change; absent fields are unchanged.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeSettings {
    /// Minimum interval in seconds between messages of a member, at most 86400; 0 disables slow mode.
    #[schema(example = 30, maximum = 86_400)]
    pub slow_mode_seconds: Option<u32>,
    /// Who may send messages.
    pub who_writes: Option<AllowedRole>,
    /// Who may add and invite users.
    pub who_adds: Option<AllowedRole>,
    /// Whether members who leave or are removed while this is on can still read the room up to that time, without messages unsent later.
    pub past_members_read: Option<bool>,
    /// Whether system messages (joined, left, renamed, …) count as unread, lift the room in lists and are its `last_message`.
    pub count_system_messages: Option<bool>,
}

/// Body of `POST /api/rooms/{room_id}/members`: up to 100 users by id or username.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewMembers {
    /// User ids.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_ids: Vec<UserId>,
    /// Usernames, with or without `@`.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schema(example = json!(["ann"]))]
    pub usernames: Vec<String>,
    /// A single user id.
    pub user_id: Option<UserId>,
    /// A single username, with or without `@`.
    pub username: Option<String>,
}

/// The result of adding users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Additions {
    /// Users who became members.
    pub added: Vec<UserId>,
    /// Users who already were members.
    pub already: Vec<UserId>,
    /// Users who received an invitation: they left the room before, or do not let the caller add them.
    pub invited: Vec<UserId>,
    /// Users who could not be added, with the reason.
    pub refused: Vec<Refused>,
}

/// A user who could not be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Refused {
    /// The id, given or found by username.
    pub user_id: Option<UserId>,
    /// The given username.
    pub username: Option<String>,
    /// `user_not_found`, `banned`, or `not_reachable` for any other reason.
    #[schema(example = "user_not_found")]
    pub code: &'static str,
}

/// Body of `PATCH /api/rooms/{room_id}/members/{user_id}`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct ChangeMember {
    /// The new role.
    pub role: Role,
}

/// Body of `POST /api/rooms/{room_id}/leave`.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct Leave {
    /// The new owner; required from the last owner.
    pub owner: Option<UserId>,
}

/// Body of `PUT /api/rooms/{room_id}/mute`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct Mute {
    /// The end of muting; null unmutes the room.
    pub until: Option<Timestamp>,
}

/// The scope of a list of rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Public rooms and the caller's own.
    #[default]
    All,
    /// The caller's own rooms.
    Joined,
    /// Public rooms.
    Public,
}
