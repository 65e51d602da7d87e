//! Invitations of one person to one room: what whoever is asked may see before they say yes.

use serde::Serialize;

use crate::id::{RoomId, UserId};
use crate::protocol::page::Page;
use crate::protocol::people::User;
use crate::protocol::rooms::{Room, RoomKind};
use crate::time::Timestamp;

/// An invitation that waits for the answer of the person who reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Invitation {
    /// To where: joining it accepts.
    pub room: InvitedRoom,
    /// By whom.
    pub inviter: User,
    /// When.
    pub invited_at: Timestamp,
}

/// A room as somebody sees it who is asked to come in: nothing of what is inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InvitedRoom {
    /// The room's id.
    pub id: RoomId,
    /// What it is.
    pub kind: RoomKind,
    /// Its name.
    #[schema(example = "Lunch")]
    pub name: String,
    /// Where its avatar is, if it has one; the person may see it.
    pub avatar_url: Option<String>,
    /// How many members it has.
    pub members_count: u32,
}

/// An invitation that a room made and that was not answered yet, as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
pub struct Invited {
    /// Who is asked.
    pub user: User,
    /// By whom.
    pub invited_by: UserId,
    /// When.
    pub invited_at: Timestamp,
}

/// A list of rooms: with the scope `invited` of those that one is asked into.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum RoomList {
    /// Rooms.
    Rooms(Page<Room>),
    /// Invitations.
    Invited(Page<Invitation>),
}
