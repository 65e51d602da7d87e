//! What a room says of itself and allows: name, topic, rules, and its end. Written under the room's lock, each change with its `rev`.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::RoomId;
use crate::protocol::rooms::{Facts, Settings, Whoever};
use crate::store::audit::Operator;
use crate::store::members::Member;
use crate::store::recipients::{self, Recipients};
use crate::store::rooms;
use crate::time::Timestamp;

/// The columns of a room's rules. Every row that has them is read here.
pub(super) struct Rules<'a> {
    pub(super) archived_at: Option<i64>,
    pub(super) slow_mode_seconds: u32,
    pub(super) who_writes: &'a str,
    pub(super) who_adds: &'a str,
    pub(super) past_members_read: bool,
}

impl Rules<'_> {
    pub(super) fn settings(self) -> Settings {
        Settings {
            archived: self.archived_at.is_some(),
            slow_mode_seconds: self.slow_mode_seconds,
            who_writes: whoever(self.who_writes),
            who_adds: whoever(self.who_adds),
            past_members_read: self.past_members_read,
        }
    }
}

/// What a room says of itself at present: the one place where [`Facts`] are made, so that no frame lacks a field. Whoever changes them holds the
/// room's row.
pub async fn facts(connection: &mut MySqlConnection, room: RoomId) -> Result<Option<Facts>> {
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
    Ok(row.map(|row| Facts {
        name: row.name,
        topic: row.topic,
        avatar_url: rooms::avatar_url(room, row.avatar_upload),
        settings: Rules {
            archived_at: row.archived_at,
            slow_mode_seconds: row.slow_mode_seconds,
            who_writes: &row.who_writes,
            who_adds: &row.who_adds,
            past_members_read: row.past_members_read,
        }
        .settings(),
    }))
}

/// Replaces what the room says of itself.
pub async fn update(transaction: &mut MySqlConnection, member: &Member, facts: &Facts, rev: u64, now: Timestamp) -> Result<()> {
    // The picture is written by whoever exchanges it. The rest is named one by one, so that no new field is forgotten.
    let Facts { name, topic, avatar_url: _, settings } = facts;
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
        whoever_name(who_writes),
        whoever_name(who_adds),
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

/// Hides the room from everyone, for good, and ends every membership. Gives who was a member.
pub async fn delete(transaction: &mut MySqlConnection, member: &Member, rev: u64, now: Timestamp) -> Result<Recipients> {
    end(transaction, member.room(), rev, now).await
}

/// The same by somebody who operates the deployment.
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

/// A choice as its column spells it.
pub(super) fn whoever(name: &str) -> Whoever {
    if name == "admins" { Whoever::Admins } else { Whoever::Members }
}

fn whoever_name(whoever: Whoever) -> &'static str {
    match whoever {
        Whoever::Members => "members",
        Whoever::Admins => "admins",
    }
}
