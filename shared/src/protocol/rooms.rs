//! Rooms and their members.

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{RoomId, UploadId, UserId};
use crate::protocol::messages::Message;
use crate::protocol::null_is_default;
use crate::protocol::people::{Person, User};
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
    /// The other one of a direct room; over HTTP with their presence.
    pub direct_user: Option<Person>,
    /// The seq of its last message.
    pub last_seq: u64,
    /// Its count of changes.
    pub rev: u64,
    /// Its last message, as far as the caller may read it.
    pub last_message: Option<Message>,
    /// The last message that the caller has read, as a member.
    pub read_seq: Option<u64>,
    /// Messages after it that were not unsent, those of the system among them; one's own are read by being sent.
    pub unread: u64,
    /// Unread messages that mention the caller.
    pub mentions: u64,
    /// Until when the caller wants to hear nothing of it.
    pub muted_until: Option<Timestamp>,
    /// Whether a block parts the two people of a direct room, whoever made it: nothing can be written there.
    pub blocked: bool,
    /// Whether it is in no list of the caller's until there is a newer message: a direct room that they closed.
    pub closed: bool,
    /// Rules of this room.
    pub settings: Settings,
}

/// Rules of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Settings {
    /// Whether nothing can be written any more.
    pub archived: bool,
    /// Seconds between two messages of one member; 0 is no slow mode. Admins and owners are exempt.
    #[schema(example = 0)]
    pub slow_mode_seconds: u32,
    /// Who may write.
    pub who_writes: Whoever,
    /// Who may add people and invite them.
    pub who_adds: Whoever,
    /// Whether someone who leaves, or is removed, while this is on may still read what came before: the room as it was then, without what is taken back
    /// later.
    pub past_members_read: bool,
}

/// Which members may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whoever {
    /// Every member.
    Members,
    /// Admins and owners only.
    Admins,
}

/// What a room says of itself, the same to everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Where its avatar is, if it has one.
    pub avatar_url: Option<String>,
    /// Its rules.
    pub settings: Settings,
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
    /// The last message that they have read; null when that is not the reader's to know, and in frames, which are the same for all.
    pub read_seq: Option<u64>,
    /// The last message that reached one of their devices; null as `read_seq` is.
    pub delivered_seq: Option<u64>,
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
    /// People who are members from the start, at most 100; who does not let the caller add them is asked.
    #[serde(default, deserialize_with = "null_is_default")]
    pub member_ids: Vec<UserId>,
}

/// Body of `PATCH /api/rooms/{room_id}`: what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeRoom {
    /// 1–100 characters.
    #[schema(example = "Lunch", min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// At most 500 characters.
    #[schema(max_length = 500)]
    pub topic: Option<String>,
    /// One's own upload of the purpose `avatar` that is ready and not used yet; null takes the avatar away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>, example = 5)]
    pub avatar_upload_id: Option<Option<UploadId>>,
    /// Whether nothing can be written any more.
    pub archived: Option<bool>,
    /// Rules of the room.
    #[serde(default, deserialize_with = "null_is_default")]
    pub settings: ChangeSettings,
}

/// Tells a null that was sent from a field that was not.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<UploadId>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Rules to change: what is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeSettings {
    /// Seconds between two messages of one member, at most 86400; 0 ends slow mode.
    #[schema(example = 30, maximum = 86_400)]
    pub slow_mode_seconds: Option<u32>,
    /// Who may write.
    pub who_writes: Option<Whoever>,
    /// Who may add people and invite them.
    pub who_adds: Option<Whoever>,
    /// Whether someone who leaves, or is removed, while this is on may still read what came before: the room as it was then, without what is taken back
    /// later.
    pub past_members_read: Option<bool>,
}

/// Body of `POST /api/rooms/{room_id}/members`: at most 100 people, by id or by name.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewMembers {
    /// By id.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_ids: Vec<UserId>,
    /// By username.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schema(example = json!(["ann"]))]
    pub usernames: Vec<String>,
    /// One person by id.
    pub user_id: Option<UserId>,
    /// One person by username.
    pub username: Option<String>,
}

/// What became of the people who were to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Additions {
    /// Members from now on.
    pub added: Vec<UserId>,
    /// Members before.
    pub already: Vec<UserId>,
    /// Asked, and members once they agree: they left by themselves, or do not let the caller add them.
    pub invited: Vec<UserId>,
    /// Those who could not be added, and why.
    pub refused: Vec<Refused>,
}

/// Someone who could not be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Refused {
    /// The id that was given, or that the name belongs to.
    pub user_id: Option<UserId>,
    /// The name that was given.
    pub username: Option<String>,
    /// `user_not_found`, `banned`, or `not_reachable`: not by the caller, whatever the reason.
    #[schema(example = "user_not_found")]
    pub code: &'static str,
}

/// Body of `PATCH /api/rooms/{room_id}/members/{user_id}`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct ChangeMember {
    /// What the member may do from now on.
    pub role: Role,
}

/// Body of `POST /api/rooms/{room_id}/leave`.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct Leave {
    /// The member who owns the room from now on; needed of the last owner.
    pub owner: Option<UserId>,
}

/// Body of `PUT /api/rooms/{room_id}/mute`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct Mute {
    /// Until when to hear nothing; null ends it.
    pub until: Option<Timestamp>,
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
