//! Pinned messages. A message's row holds time and user; `pins` finds them without a scan of the room.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::protocol::messages::Message;
use crate::store::members::Readable;
use crate::store::message_row::{MessageRow, select_messages};
use crate::time::Timestamp;

/// Returns the number of pins.
pub async fn count(transaction: &mut MySqlConnection, room: RoomId) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!: i64" from pins where room_id = ?"#, room.0)
        .fetch_one(transaction)
        .await?)
}

/// Pins a message of a room whose row the transaction locks.
pub async fn insert(transaction: &mut MySqlConnection, place: (RoomId, u64), by: UserId, now: Timestamp) -> Result<()> {
    let (room, seq) = place;
    sqlx::query!("insert into pins (room_id, seq) values (?, ?)", room.0, seq).execute(&mut *transaction).await?;
    mark(transaction, place, Some((by, now))).await
}

/// Unpins a message of a room whose row the transaction locks.
pub async fn delete(transaction: &mut MySqlConnection, place: (RoomId, u64)) -> Result<()> {
    remove_entry(transaction, place).await?;
    mark(transaction, place, None).await
}

/// Deletes the pin of a message whose own row has already been cleared.
pub async fn remove_entry(transaction: &mut MySqlConnection, place: (RoomId, u64)) -> Result<()> {
    sqlx::query!("delete from pins where room_id = ? and seq = ?", place.0.0, place.1).execute(transaction).await?;
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
        room.room().0,
        room.visible_from_seq,
        room.visible_to_seq,
        room.user().0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(MessageRow::message).collect())
}

async fn mark(transaction: &mut MySqlConnection, place: (RoomId, u64), pin: Option<(UserId, Timestamp)>) -> Result<()> {
    sqlx::query!(
        "update messages set pinned_at = ?, pinned_by = ? where room_id = ? and seq = ?",
        pin.map(|(_, at)| at.0),
        pin.map(|(by, _)| by.0),
        place.0.0,
        place.1,
    )
    .execute(transaction)
    .await?;
    Ok(())
}
