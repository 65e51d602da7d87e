//! What operators of a deployment see and do. Contents of rooms are not part of it, but for messages that somebody reported.

use serde::{Deserialize, Serialize};

use crate::id::{AuditId, ReportId, RoomId, UserId};
use crate::protocol::people::User;
use crate::protocol::reports::Report;
use crate::protocol::rooms::RoomKind;
use crate::time::Timestamp;

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Its person may sign in.
    Active,
    /// An operator has disabled it.
    Disabled,
    /// It is being erased, and that is not done.
    Erasing,
    /// It was erased; only what its person wrote is left.
    Erased,
}

/// What a person is to the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    /// One of those who chat.
    User,
    /// An operator.
    Admin,
}

/// An account as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdminAccount {
    /// What others see, too.
    #[serde(flatten)]
    pub user: User,
    /// The e-mail address, if one was given.
    pub email: Option<String>,
    /// What the person is to the deployment.
    pub role: AccountRole,
    /// How the account stands.
    pub state: AccountState,
    /// When it was disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// Live sessions.
    pub sessions: u32,
    /// When a session of it was last refreshed or made.
    pub last_used_at: Option<Timestamp>,
}

/// A room as operators see it: nothing of what is said there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdminRoom {
    /// The room's id.
    pub id: RoomId,
    /// What it is.
    pub kind: RoomKind,
    /// Its name in URLs, if it has one.
    pub slug: Option<String>,
    /// Its name; empty for a direct room.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// How many people are in it.
    pub members_count: u32,
    /// How many messages were sent there.
    pub last_seq: u64,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something was last written there.
    pub active_at: Timestamp,
    /// Whether nothing can be written any more.
    pub archived: bool,
}

/// A report, open or closed, and the room of its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdminReport {
    /// What the room's admins see, too.
    #[serde(flatten)]
    pub report: Report,
    /// When it was closed, if it is.
    pub closed_at: Option<Timestamp>,
    /// By whom: an admin of the room, or an operator.
    pub closed_by: Option<UserId>,
}

/// Which reports to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Those that nobody has closed.
    #[default]
    Open,
    /// Those that were closed.
    Closed,
}

/// Something that an operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Its number; later acts have higher ones.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who; null for the command line of the deployment.
    pub actor: Option<User>,
    /// What: `user.disable`, `user.enable`, `user.erase`, `user.sessions`, `user.promote`, `user.demote`, `report.close`, `room.archive`,
    /// `room.unarchive` or `room.delete`.
    #[schema(example = "user.disable")]
    pub action: String,
    /// On whom.
    pub user: Option<User>,
    /// On which room.
    pub room_id: Option<RoomId>,
    /// On which report.
    pub report_id: Option<ReportId>,
    /// The address that it came from.
    #[schema(example = "192.0.2.7")]
    pub ip: String,
}

/// Body of `PUT /api/admin/users/{user_id}/role`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct ChangeRole {
    /// What the person is from now on.
    pub role: AccountRole,
}

/// Body of `PATCH /api/admin/rooms/{room_id}`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct ChangeAdminRoom {
    /// Whether nothing can be written any more.
    pub archived: bool,
}
