//! Direct rooms: at most one for two people, because their key is unique.

use sqlx::MySqlConnection;

use crate::error::{Error, Result};
use crate::id::{RoomId, UserId};
use crate::store::members::Member;
use crate::store::on_duplicate;
use crate::time::Timestamp;

/// The direct room of two people, if they have one.
pub async fn find(connection: &mut MySqlConnection, (one, other): (UserId, UserId)) -> Result<Option<RoomId>> {
    let id = sqlx::query_scalar!("select id from rooms where direct_key = ?", key(one, other)).fetch_optional(connection).await?;
    Ok(id.map(RoomId))
}

/// Makes the direct room of two people, without members. None when it is there by now: somebody else was quicker.
pub async fn insert(transaction: &mut MySqlConnection, (by, other): (UserId, UserId), now: Timestamp) -> Result<Option<RoomId>> {
    let inserted = sqlx::query!(
        r#"
        insert into rooms (kind, direct_key, rev, active_at, changed_at, created_by, created_at)
        values ('direct', ?, 1, ?, ?, ?, ?)
        "#,
        key(by, other),
        now.0,
        now.0,
        by.0,
        now.0,
    )
    .execute(transaction)
    .await;
    match on_duplicate(inserted, "rooms_direct", TAKEN) {
        Ok(done) => Ok(Some(RoomId(done.last_insert_id()))),
        Err(Error::Conflict(TAKEN)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps a new room out of the list of the one who did not open it, until something is written there.
pub async fn keep_back(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<()> {
    sqlx::query!("update members set closed_seq = 0 where room_id = ? and user_id = ?", room.0, user.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Takes a room out of the list of a member, until there is a message after `last_seq`. False when it never was in it.
pub async fn close(transaction: &mut MySqlConnection, member: &Member, last_seq: u64, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        update members set closed_seq = ?, closed_at = ?
        where room_id = ? and user_id = ? and (closed_seq is null or closed_seq < ? or closed_at is not null)
        "#,
        last_seq,
        now.0,
        member.room().0,
        member.user().0,
        last_seq,
    )
    .execute(transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Puts a room back into the list of one of its two. False when it is there.
pub async fn reopen(transaction: &mut MySqlConnection, room: RoomId, user: UserId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        update members m
        join rooms r on r.id = m.room_id
        set m.closed_seq = null, m.closed_at = ?
        where m.room_id = ? and m.user_id = ? and m.closed_seq >= r.last_seq
        "#,
        now.0,
        room.0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

const TAKEN: &str = "direct_room_exists";

fn key(one: UserId, other: UserId) -> String {
    format!("{}:{}", one.min(other), one.max(other))
}
