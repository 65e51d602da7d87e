//! Earlier texts of edited messages, oldest first.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::RoomId;
use crate::protocol::messages::{Edit, Message};
use crate::time::Timestamp;

/// Keeps the text that a message has now, which is about to be replaced.
pub async fn insert(transaction: &mut MySqlConnection, message: &Message, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        insert into message_edits (room_id, seq, version, content, edited_at)
        select ?, ?, t.version, ?, ?
        from (select coalesce(max(e.version), 0) + 1 as version from message_edits e where e.room_id = ? and e.seq = ?) t
        "#,
        message.room_id.0,
        message.seq,
        message.content,
        now.0,
        message.room_id.0,
        message.seq,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// The earlier texts after a version. The message was found readable before.
pub async fn list(connection: &mut MySqlConnection, message: &Message, after: u32, limit: u32) -> Result<Vec<Edit>> {
    let edits = sqlx::query!(
        r#"
        select version, content, edited_at from message_edits
        where room_id = ? and seq = ? and version > ?
        order by version
        limit ?
        "#,
        message.room_id.0,
        message.seq,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(edits
        .into_iter()
        .map(|row| Edit { version: row.version, content: row.content, edited_at: Timestamp(row.edited_at) })
        .collect())
}

/// Forgets the earlier texts of a message.
pub async fn delete(transaction: &mut MySqlConnection, place: (RoomId, u64)) -> Result<()> {
    sqlx::query!("delete from message_edits where room_id = ? and seq = ?", place.0.0, place.1).execute(transaction).await?;
    Ok(())
}
