//! Invitations of single users to a room, with what an invited user may see before joining.

use serde::Serialize;

use crate::id::{RoomId, UserId};
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::protocol::rooms::{Room, RoomKind};
use crate::time::Timestamp;

/// An open invitation of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Invitation {
    /// The room; joining it accepts the invitation.
    pub room: InvitedRoom,
    /// The user who invited the caller.
    pub inviter: User,
    /// When the caller was invited.
    pub invited_at: Timestamp,
}

/// A room as an invited user sees it, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InvitedRoom {
    /// The room's id.
    pub id: RoomId,
    /// The kind of the room.
    pub kind: RoomKind,
    /// The room's name.
    #[schema(example = "Lunch")]
    pub name: String,
    /// The URL of the avatar, if set; the invited user may read it.
    pub avatar_url: Option<String>,
    /// The number of members.
    pub members_count: u32,
}

/// An open invitation as members of the room see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
pub struct Invited {
    /// The invited user.
    pub user: User,
    /// The user who sent the invitation.
    pub invited_by: UserId,
    /// When the invitation was sent.
    pub invited_at: Timestamp,
}

/// A list of rooms; with the scope `invited` a list of invitations.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum RoomList {
    /// Rooms.
    Rooms(Page<Room>),
    /// Invitations of the caller.
    Invited(Page<Invitation>),
}
