//! Edits of messages, and their previous versions.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{MessageRef, Rev, Seq};
use crate::protocol::messages::{Edit, Message};
use crate::store::members::{Membership, MembershipEnd, Readable};
use crate::store::mentions;
use crate::time::Timestamp;

/// Tokens that remain to a member after an edit.
#[derive(Clone, Copy, Debug)]
pub struct RemainingTokens {
    pub changes: i32,
    /// Set where the edit also counts as a message.
    pub messages: Option<i32>,
}

/// Stores the new text of a member's message and the new `rev` of its room, whose row the transaction locks.
pub async fn update(
    transaction: &mut MySqlConnection,
    member: &Membership,
    message: &Message,
    remains: RemainingTokens,
    now: Timestamp,
) -> Result<()> {
    let RemainingTokens { changes, messages } = remains;
    sqlx::query!(
        r#"
        update messages m
        join rooms r on r.id = m.room_id
        join members b on b.room_id = r.id and b.user_id = ?
        set m.content = ?, m.mentions = ?, m.edited_at = ?, m.rev = ?, r.rev = ?, r.changed_at = greatest(r.changed_at, ?),
            b.change_allowance = ?, b.change_allowance_at = ?,
            b.allowance = coalesce(?, b.allowance), b.allowance_at = if(?, ?, b.allowance_at)
        where m.room_id = ? and m.seq = ?
        "#,
        member.user().0,
        message.content,
        mentions::column(&message.mentions),
        now.0,
        message.rev.0,
        message.rev.0,
        now.0,
        changes,
        now.0,
        messages,
        messages.is_some(),
        now.0,
        message.room_id.0,
        message.seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Keeps the current text of a message as a previous version, replaced at this `rev` of the room.
pub async fn insert(transaction: &mut MySqlConnection, message: &Message, rev: Rev, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        insert into message_edits (room_id, seq, version, content, mentions, edited_at, rev)
        select ?, ?, t.version, ?, ?, ?, ?
        from (select coalesce(max(e.version), 0) + 1 as version from message_edits e where e.room_id = ? and e.seq = ?) t
        "#,
        message.room_id.0,
        message.seq.0,
        message.content,
        mentions::column(&message.mentions),
        now.0,
        rev.0,
        message.room_id.0,
        message.seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Selects previous versions replaced before the reader's view ended, as [`Row`]s; the tail picks which.
macro_rules! select_edits {
    ($tail:literal, $room:expr, $seq:expr, $known:expr, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"
            select version, content, edited_at from message_edits
            where room_id = ? and seq = ? and ((rev > 0 and rev <= ?) or (rev = 0 and edited_at <= ?))
            "# + $tail,
            $room.room().0,
            $seq.0,
            $known.rev.0,
            $known.at.0,
            $($value),*
        )
    };
}

struct Row {
    version: u32,
    content: String,
    edited_at: i64,
}

impl Row {
    fn edit(self) -> Edit {
        Edit { version: self.version, content: self.content, edited_at: Timestamp(self.edited_at) }
    }
}

/// Returns the previous versions after a version, as far as the reader sees them. The caller has checked access to the message.
pub async fn list(connection: &mut MySqlConnection, room: &Readable, seq: Seq, after: u32, limit: u32) -> Result<Vec<Edit>> {
    let known = MembershipEnd::known_to(room);
    let edits = select_edits!("and version > ? order by version limit ?", room, seq, known, after, limit);
    Ok(edits.fetch_all(connection).await?.into_iter().map(Row::edit).collect())
}

/// Returns the latest previous versions, newest first, as far as the reader sees them.
pub async fn newest(connection: &mut MySqlConnection, room: &Readable, seq: Seq, limit: u32) -> Result<Vec<Edit>> {
    let known = MembershipEnd::known_to(room);
    let edits = select_edits!("order by version desc limit ?", room, seq, known, limit);
    Ok(edits.fetch_all(connection).await?.into_iter().map(Row::edit).collect())
}

pub async fn delete(transaction: &mut MySqlConnection, message: MessageRef) -> Result<()> {
    sqlx::query!("delete from message_edits where room_id = ? and seq = ?", message.room.0, message.seq.0)
        .execute(transaction)
        .await?;
    Ok(())
}
