//! Administration: accounts, rooms, reports and the audit log. Room content is excluded, except for reported messages.

use serde::{Deserialize, Serialize};

use crate::id::{AuditId, ReportId, RoomId, Seq, UserId};
use crate::protocol::people::User;
use crate::protocol::reports::Report;
use crate::protocol::rooms::RoomKind;
use crate::time::Timestamp;

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// The user may log in.
    Active,
    /// An operator disabled the account.
    Disabled,
    /// The account is being erased.
    Erasing,
    /// The account is erased; only its messages remain.
    Erased,
}

/// The role of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    /// A regular user.
    User,
    /// An operator of the deployment.
    Admin,
}

/// An account as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdminAccount {
    /// The public profile.
    #[serde(flatten)]
    pub user: User,
    /// The e-mail address, if set.
    pub email: Option<String>,
    /// The account's role.
    pub role: AccountRole,
    /// The account's state.
    pub state: AccountState,
    /// When the account was disabled.
    pub disabled_at: Option<Timestamp>,
    /// The number of active sessions.
    pub sessions: u32,
    /// When a session was last created or refreshed.
    pub last_used_at: Option<Timestamp>,
}

/// A room as operators see it, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdminRoom {
    /// The room's id.
    pub id: RoomId,
    /// The kind of the room.
    pub kind: RoomKind,
    /// The room's name in URLs, if set.
    pub slug: Option<String>,
    /// The room's name; empty for direct rooms.
    pub name: String,
    /// The room's topic.
    pub topic: String,
    /// The number of members.
    pub members_count: u32,
    /// The number of messages sent.
    #[schema(value_type = u64)]
    pub last_seq: Seq,
    /// The user who created the room.
    pub created_by: Option<UserId>,
    /// When the room was created.
    pub created_at: Timestamp,
    /// When the last message was sent.
    pub active_at: Timestamp,
    /// Whether the room is archived and refuses messages.
    pub archived: bool,
}

/// A report in any state, with its room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdminReport {
    /// The report as admins of the room see it.
    #[serde(flatten)]
    pub report: Report,
    /// When the report was closed.
    pub closed_at: Option<Timestamp>,
    /// The admin of the room or operator who closed it.
    pub closed_by: Option<UserId>,
}

/// The state of reports to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Open reports.
    #[default]
    Open,
    /// Closed reports.
    Closed,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// The entry's id; later entries have higher ids.
    pub id: AuditId,
    /// The time of the action.
    pub at: Timestamp,
    /// The operator; null for the command line.
    pub actor: Option<User>,
    /// The action: `user.disable`, `user.enable`, `user.erase`, `user.sessions`, `user.promote`, `user.demote`, `report.close`, `room.archive`,
    /// `room.unarchive` or `room.delete`.
    #[schema(example = "user.disable")]
    pub action: String,
    /// The affected user.
    pub user: Option<User>,
    /// The affected room.
    pub room_id: Option<RoomId>,
    /// The affected report.
    pub report_id: Option<ReportId>,
    /// The address of the request.
    #[schema(example = "192.0.2.7")]
    pub ip: String,
}

/// Body of `PUT /api/admin/users/{user_id}/role`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct ChangeRole {
    /// The new role.
    pub role: AccountRole,
}

/// Body of `PATCH /api/admin/rooms/{room_id}`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
pub struct ChangeAdminRoom {
    /// Whether the room is archived and refuses messages.
    pub archived: bool,
}
