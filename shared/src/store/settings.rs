//! What a room says of itself and allows: name, topic, rules, and its end. Written under the room's lock, each change with its `rev`.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::protocol::rooms::{Facts, Whoever};
use crate::store::audit::Operator;
use crate::store::members::{self, Member, Readable};
use crate::store::rooms;
use crate::time::Timestamp;

/// What the room says of itself at present.
pub async fn facts(connection: &mut MySqlConnection, room: &Readable) -> Result<Option<Facts>> {
    let row = sqlx::query!("select name, topic, avatar_upload from rooms where id = ?", room.room().0)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| Facts {
        name: row.name,
        topic: row.topic,
        avatar_url: rooms::avatar_url(room.room(), row.avatar_upload),
        settings: room.settings,
    }))
}

/// Replaces what the room says of itself.
pub async fn update(transaction: &mut MySqlConnection, member: &Member, facts: &Facts, rev: u64, now: Timestamp) -> Result<()> {
    let Facts { name, topic, settings, .. } = facts;
    sqlx::query!(
        r#"
        update rooms
        set name = ?, topic = ?, slow_mode_seconds = ?, who_writes = ?, who_adds = ?, past_members_read = ?,
            archived_at = case when ? then coalesce(archived_at, ?) end, rev = ?, changed_at = greatest(changed_at, ?)
        where id = ?
        "#,
        name,
        topic,
        settings.slow_mode_seconds,
        whoever_name(settings.who_writes),
        whoever_name(settings.who_adds),
        settings.past_members_read,
        settings.archived,
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
pub async fn delete(transaction: &mut MySqlConnection, member: &Member, rev: u64, now: Timestamp) -> Result<Vec<UserId>> {
    end(transaction, member.room(), rev, now).await
}

/// The same by somebody who operates the deployment.
pub async fn delete_as(transaction: &mut MySqlConnection, by: &Operator, room: RoomId, rev: u64) -> Result<Vec<UserId>> {
    end(transaction, room, rev, by.now()).await
}

async fn end(transaction: &mut MySqlConnection, room: RoomId, rev: u64, now: Timestamp) -> Result<Vec<UserId>> {
    let audience = members::audience(transaction, room).await?;
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
