//! Profile, settings and deletion of rooms. Written under the room's lock, each change with its `rev`.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Rev, RoomId};
use crate::protocol::rooms::{RoomProfile, Settings};
use crate::store::audit::Operator;
use crate::store::members::Membership;
use crate::store::recipients::{self, Recipients};
use crate::store::rows::room::{avatar_url, settings_of};
use crate::time::Timestamp;

/// Returns a room's current profile, complete for any frame. Writers lock the room's row.
pub async fn room_profile(connection: &mut MySqlConnection, room: RoomId) -> Result<Option<RoomProfile>> {
    let row = sqlx::query!(
        r#"
        select name, topic, avatar_upload, archived_at, slow_mode_seconds, who_writes as "who_writes: String",
               who_adds as "who_adds: String", past_members_read as "past_members_read: bool",
               count_system_messages as "count_system_messages: bool"
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
        avatar_url: avatar_url(room, row.avatar_upload),
        settings: settings_of!(row),
    }))
}

pub async fn update(
    transaction: &mut MySqlConnection,
    member: &Membership,
    profile: &RoomProfile,
    rev: Rev,
    now: Timestamp,
) -> Result<()> {
    // The avatar has its own statement. Destructured, so that no new field is forgotten.
    let RoomProfile { name, topic, avatar_url: _, settings } = profile;
    let Settings { archived, slow_mode_seconds, who_writes, who_adds, past_members_read, count_system_messages } = *settings;
    sqlx::query!(
        r#"
        update rooms
        set name = ?, topic = ?, slow_mode_seconds = ?, who_writes = ?, who_adds = ?, past_members_read = ?,
            count_system_messages = ?,
            archived_at = case when ? then coalesce(archived_at, ?) end, rev = ?, changed_at = greatest(changed_at, ?)
        where id = ?
        "#,
        name,
        topic,
        slow_mode_seconds,
        who_writes.to_string(),
        who_adds.to_string(),
        past_members_read,
        count_system_messages,
        archived,
        now.0,
        rev.0,
        now.0,
        member.room().0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes a room for everyone and ends all memberships. Returns the former members.
pub async fn delete(transaction: &mut MySqlConnection, member: &Membership, rev: Rev, now: Timestamp) -> Result<Recipients> {
    end(transaction, member.room(), rev, now).await
}

/// Like [`delete`], by an operator.
pub async fn delete_as(transaction: &mut MySqlConnection, by: &Operator, room: RoomId, rev: Rev) -> Result<Recipients> {
    end(transaction, room, rev, by.now()).await
}

async fn end(transaction: &mut MySqlConnection, room: RoomId, rev: Rev, now: Timestamp) -> Result<Recipients> {
    let audience = recipients::members(transaction, room).await?;
    sqlx::query!(
        "update rooms set deleted_at = ?, rev = ?, members_count = 0, changed_at = greatest(changed_at, ?) where id = ?",
        now.0,
        rev.0,
        now.0,
        room.0,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update members set state = 'left', role = 'member', rev = ? where room_id = ? and state = 'joined'",
        rev.0,
        room.0,
    )
    .execute(transaction)
    .await?;
    Ok(audience)
}
