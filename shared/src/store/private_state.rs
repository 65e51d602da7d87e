//! The counter of a user's private changes: what only that user sees or sets. Each change takes the next one in its own transaction, under the lock of
//! the user's row, so that a reader of the counter finds every change up to it.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Rev, RoomId, Seq, UserId};
use crate::protocol::sync::HiddenMessage;
use crate::time::Timestamp;

/// Takes the user's next private rev.
pub async fn raise(transaction: &mut MySqlConnection, user: UserId) -> Result<Rev> {
    let done = sqlx::query!("update users set private_rev = last_insert_id(private_rev + 1) where id = ?", user.0)
        .execute(transaction)
        .await?;
    Ok(Rev(done.last_insert_id()))
}

/// The same for a change of the user's list of blocked users.
pub async fn raise_for_blocks(transaction: &mut MySqlConnection, user: UserId) -> Result<Rev> {
    let done = sqlx::query!(
        "update users set blocks_rev = private_rev + 1, private_rev = last_insert_id(private_rev + 1) where id = ?",
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(Rev(done.last_insert_id()))
}

/// Notes that something changed which only the user sees of a room.
pub async fn touch_room(transaction: &mut MySqlConnection, user: UserId, room: RoomId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update members set private_at = greatest(?, private_at + 1) where room_id = ? and user_id = ?",
        now.0,
        room.0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// A message that a user hid, and the private rev of that.
#[derive(Clone, Copy, Debug)]
pub struct HiddenAt {
    pub message: HiddenMessage,
    pub rev: Rev,
}

/// Returns the messages that a user hid after a private rev, in that order, each at a rev of its own: one range of an index. Those hidden before revs
/// were counted share the first one, which is news to no client.
pub async fn hidden_since(connection: &mut MySqlConnection, user: UserId, since: Rev, limit: u32) -> Result<Vec<HiddenAt>> {
    let rows = sqlx::query!(
        "select room_id, seq, rev from hidden_messages where user_id = ? and rev > ? order by rev, room_id, seq limit ?",
        user.0,
        since.max(Rev(1)).0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let hidden = rows
        .into_iter()
        .map(|row| HiddenAt { message: HiddenMessage { room_id: RoomId(row.room_id), seq: Seq(row.seq) }, rev: Rev(row.rev) });
    Ok(hidden.collect())
}
