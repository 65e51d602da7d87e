//! Pinned messages. A message's row holds time and user; `pins` finds them without a scan of the room.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{MessageRef, RoomId, UserId};
use crate::protocol::messages::Message;
use crate::store::members::Readable;
use crate::store::rows::message::{MessageRow, select_messages};
use crate::time::Timestamp;

/// Returns the number of pins.
pub async fn count(transaction: &mut MySqlConnection, room: RoomId) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!: i64" from pins where room_id = ?"#, room.0)
        .fetch_one(transaction)
        .await?)
}

/// Pins a message of a room whose row the transaction locks.
pub async fn insert(transaction: &mut MySqlConnection, message: MessageRef, by: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!("insert into pins (room_id, seq) values (?, ?)", message.room.0, message.seq.0)
        .execute(&mut *transaction)
        .await?;
    set_columns(transaction, message, Some(now), Some(by)).await
}

/// Unpins a message of a room whose row the transaction locks.
pub async fn delete(transaction: &mut MySqlConnection, message: MessageRef) -> Result<()> {
    remove_entry(transaction, message).await?;
    set_columns(transaction, message, None, None).await
}

/// Deletes the pin of a message whose own row has already been cleared.
pub async fn remove_entry(transaction: &mut MySqlConnection, message: MessageRef) -> Result<()> {
    sqlx::query!("delete from pins where room_id = ? and seq = ?", message.room.0, message.seq.0).execute(transaction).await?;
    Ok(())
}

/// Returns the pinned messages that the reader may see, last pinned first. Former members see none.
pub async fn list(connection: &mut MySqlConnection, room: &Readable) -> Result<Vec<Message>> {
    if room.is_past() {
        return Ok(Vec::new());
    }
    let rows = select_messages!(
        r#"
        where m.room_id = ? and m.seq between ? and ? and m.seq in (select p.seq from pins p where p.room_id = m.room_id)
          and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = m.room_id and h.seq = m.seq)
        order by m.pinned_at desc, m.seq desc
        "#,
        room.user().0,
        room.room().0,
        room.visible_from_seq.0,
        room.visible_to_seq.0,
        room.user().0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(MessageRow::message).collect())
}

async fn set_columns(
    transaction: &mut MySqlConnection,
    message: MessageRef,
    at: Option<Timestamp>,
    by: Option<UserId>,
) -> Result<()> {
    sqlx::query!(
        "update messages set pinned_at = ?, pinned_by = ? where room_id = ? and seq = ?",
        at.map(|at| at.0),
        by.map(|by| by.0),
        message.room.0,
        message.seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}
