//! Direct rooms: at most one for two users, enforced by a unique key.

use sqlx::MySqlConnection;

use crate::error::{Error, Result};
use crate::id::{RoomId, Seq, UserId, UserPair};
use crate::store::members::Membership;
use crate::store::on_duplicate;
use crate::time::Timestamp;

pub async fn find(connection: &mut MySqlConnection, pair: UserPair) -> Result<Option<RoomId>> {
    let id = sqlx::query_scalar!("select id from rooms where direct_key = ?", key(pair)).fetch_optional(connection).await?;
    Ok(id.map(RoomId))
}

/// Creates the direct room of two users, without members. Returns none when a concurrent request created it.
pub async fn insert(transaction: &mut MySqlConnection, pair: UserPair, by: UserId, now: Timestamp) -> Result<Option<RoomId>> {
    let inserted = sqlx::query!(
        r#"
        insert into rooms (kind, direct_key, rev, active_at, changed_at, created_by, created_at)
        values ('direct', ?, 1, ?, ?, ?, ?)
        "#,
        key(pair),
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

/// Hides a new room from the list of the user who did not open it, until the first message.
pub async fn hide_until_message(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<()> {
    sqlx::query!("update members set closed_seq = 0 where room_id = ? and user_id = ?", room.0, user.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Removes a room from a member's list until a message after `last_seq`. Returns false when it was never listed.
pub async fn close(transaction: &mut MySqlConnection, member: &Membership, last_seq: Seq, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        update members set closed_seq = ?, closed_at = ?
        where room_id = ? and user_id = ? and (closed_seq is null or closed_seq < ? or closed_at is not null)
        "#,
        last_seq.0,
        now.0,
        member.room().0,
        member.user().0,
        last_seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a member's list leaves the room out until its next message.
pub async fn is_closed(connection: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"
        select count(*) as "n!: i64"
        from members m
        join rooms r on r.id = m.room_id
        where m.room_id = ? and m.user_id = ? and m.closed_seq >= r.last_seq
        "#,
        room.0,
        user.0,
    )
    .fetch_one(connection)
    .await?;
    Ok(found > 0)
}

/// Puts a room back into a member's list. Returns false when it is listed.
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

fn key(pair: UserPair) -> String {
    format!("{}:{}", pair.low(), pair.high())
}
