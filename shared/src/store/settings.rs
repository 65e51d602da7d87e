//! Profile, settings and deletion of rooms. Written under the room's lock, each change with its `rev`.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::RoomId;
use crate::protocol::rooms::{AllowedRole, RoomProfile, Settings};
use crate::store::audit::Operator;
use crate::store::members::Membership;
use crate::store::recipients::{self, Recipients};
use crate::store::rooms;
use crate::time::Timestamp;

/// The columns of a room's settings, in every row that has them.
pub(super) struct SettingsColumns<'a> {
    pub(super) archived_at: Option<i64>,
    pub(super) slow_mode_seconds: u32,
    pub(super) who_writes: &'a str,
    pub(super) who_adds: &'a str,
    pub(super) past_members_read: bool,
}

impl SettingsColumns<'_> {
    pub(super) fn settings(self) -> Settings {
        Settings {
            archived: self.archived_at.is_some(),
            slow_mode_seconds: self.slow_mode_seconds,
            who_writes: allowed_role(self.who_writes),
            who_adds: allowed_role(self.who_adds),
            past_members_read: self.past_members_read,
        }
    }
}

/// Returns a room's current profile, complete for any frame. Writers lock the room's row.
pub async fn room_profile(connection: &mut MySqlConnection, room: RoomId) -> Result<Option<RoomProfile>> {
    let row = sqlx::query!(
        r#"
        select name, topic, avatar_upload, archived_at, slow_mode_seconds, who_writes as "who_writes: String",
               who_adds as "who_adds: String", past_members_read as "past_members_read: bool"
        from rooms
        where id = ? and deleted_at is null
        "#,
        room.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| RoomProfile {
        name: row.name,
        topic: row.topic,
        avatar_url: rooms::avatar_url(room, row.avatar_upload),
        settings: SettingsColumns {
            archived_at: row.archived_at,
            slow_mode_seconds: row.slow_mode_seconds,
            who_writes: &row.who_writes,
            who_adds: &row.who_adds,
            past_members_read: row.past_members_read,
        }
        .settings(),
    }))
}

pub async fn update(
    transaction: &mut MySqlConnection,
    member: &Membership,
    profile: &RoomProfile,
    rev: u64,
    now: Timestamp,
) -> Result<()> {
    // The avatar has its own statement. Destructured, so that no new field is forgotten.
    let RoomProfile { name, topic, avatar_url: _, settings } = profile;
    let Settings { archived, slow_mode_seconds, who_writes, who_adds, past_members_read } = *settings;
    sqlx::query!(
        r#"
        update rooms
        set name = ?, topic = ?, slow_mode_seconds = ?, who_writes = ?, who_adds = ?, past_members_read = ?,
            archived_at = case when ? then coalesce(archived_at, ?) end, rev = ?, changed_at = greatest(changed_at, ?)
        where id = ?
        "#,
        name,
        topic,
        slow_mode_seconds,
        allowed_role_name(who_writes),
        allowed_role_name(who_adds),
        past_members_read,
        archived,
        now.0,
        rev,
        now.0,
        member.room().0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes a room for everyone and ends all memberships. Returns the former members.
pub async fn delete(transaction: &mut MySqlConnection, member: &Membership, rev: u64, now: Timestamp) -> Result<Recipients> {
    end(transaction, member.room(), rev, now).await
}

/// Like [`delete`], by an operator.
pub async fn delete_as(transaction: &mut MySqlConnection, by: &Operator, room: RoomId, rev: u64) -> Result<Recipients> {
    end(transaction, room, rev, by.now()).await
}

async fn end(transaction: &mut MySqlConnection, room: RoomId, rev: u64, now: Timestamp) -> Result<Recipients> {
    let audience = recipients::members(transaction, room).await?;
    sqlx::query!(
        "update rooms set deleted_at = ?, rev = ?, members_count = 0, changed_at = greatest(changed_at, ?) where id = ?",
        now.0,
        rev,
        now.0,
        room.0,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update members set state = 'left', role = 'member', rev = ? where room_id = ? and state = 'joined'",
        rev,
        room.0,
    )
    .execute(transaction)
    .await?;
    Ok(audience)
}

/// Parses the columns `who_writes` and `who_adds`.
pub(super) fn allowed_role(name: &str) -> AllowedRole {
    if name == "admins" { AllowedRole::Admins } else { AllowedRole::Members }
}

fn allowed_role_name(role: AllowedRole) -> &'static str {
    match role {
        AllowedRole::Members => "members",
        AllowedRole::Admins => "admins",
    }
}
