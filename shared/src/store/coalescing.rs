//! Windows of lively rooms: the room's pace, which sending reads and writes with the room's row, and what a window's delivery reads.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Rev, RoomId, Seq, UserId};
use crate::protocol::messages::Message;
use crate::store::members::TokenBucket;
use crate::store::reactions;
use crate::store::rows::message::{EVERYONE, MessageRow, select_messages};
use crate::time::Timestamp;

/// The pace of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Messages that may still go out singly.
    pub allowance: TokenBucket,
    /// When the delivery of the open window is due; zero while none is open.
    pub window_due: Timestamp,
}

/// A range of messages, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub room: RoomId,
    pub first: Seq,
    pub last: Seq,
    /// The room's `rev` at the first one.
    pub rev: Rev,
}

/// Closes the room's window. Waits for the room's row lock: after it, all messages of the window are visible, and none joins it any more.
pub async fn close_window(connection: &mut MySqlConnection, room: RoomId) -> Result<()> {
    sqlx::query!("update rooms set window_due = 0 where id = ?", room.0).execute(connection).await?;
    Ok(())
}

/// Returns at most `limit` messages of members, ascending, as current members see them. System messages are always pushed singly.
pub async fn messages(connection: &mut MySqlConnection, stretch: Stretch, limit: u32) -> Result<Vec<Message>> {
    let rows = select_messages!(
        "where m.room_id = ? and m.seq between ? and ? and m.kind <> 'system' order by m.seq limit ?",
        EVERYONE,
        stretch.room.0,
        stretch.first.0,
        stretch.last.0,
        limit,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut messages: Vec<_> = rows.into_iter().map(MessageRow::message).collect();
    reactions::fill_for_all(connection, &mut messages).await?;
    Ok(messages)
}

/// Returns the members who may not read the first message, because they joined after it. One range of an index: who changed since.
pub async fn joined_within(connection: &mut MySqlConnection, stretch: Stretch) -> Result<Vec<UserId>> {
    let rows = sqlx::query!(
        "select user_id from members where room_id = ? and rev > ? and state = 'joined' and visible_from_seq > ?",
        stretch.room.0,
        stretch.rev.0,
        stretch.first.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| UserId(row.user_id)).collect())
}
