//! Texts that name a user who is being erased: system messages, mentions, previous versions, forwarded messages.

use std::ops::RangeInclusive;

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{MessageRef, Rev, RoomId, Seq, UserId};
use crate::store::erasure::DELETED_USER;
use crate::time::Timestamp;

/// A text that may contain the name.
#[derive(Clone, Debug)]
pub struct NamedText {
    pub seq: Seq,
    /// Version of the message's text; 0 is the current one.
    pub version: u32,
    pub content: String,
    /// Whether the user is the actor of a system message.
    pub is_actor: bool,
}

/// Returns system messages with these seqs that involve the user and match a pattern of the name.
pub async fn system_messages(
    connection: &mut MySqlConnection,
    room: RoomId,
    seqs: RangeInclusive<Seq>,
    user: UserId,
    pattern: &str,
) -> Result<Vec<NamedText>> {
    let rows = sqlx::query!(
        r#"
        select seq, content, sender_id <=> ? as "theirs!: bool"
        from messages
        where room_id = ? and seq between ? and ? and kind = 'system'
          and (sender_id = ? or event in ('member.added', 'member.removed', 'member.banned'))
          and content like ? escape '|'
        "#,
        user.0,
        room.0,
        seqs.start().0,
        seqs.end().0,
        user.0,
        pattern,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NamedText { seq: Seq(row.seq), version: 0, content: row.content, is_actor: row.theirs })
        .collect())
}

/// Returns a batch of a room's messages that mention the user.
pub async fn mentions(connection: &mut MySqlConnection, room: RoomId, user: UserId, limit: u32) -> Result<Vec<NamedText>> {
    let rows = sqlx::query!(
        r#"
        select n.seq, coalesce(m.content, '') as "content!: String"
        from mentions n
        left join messages m on m.room_id = n.room_id and m.seq = n.seq
        where n.user_id = ? and n.room_id = ?
        order by n.seq
        limit ?
        "#,
        user.0,
        room.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| NamedText { seq: Seq(row.seq), version: 0, content: row.content, is_actor: false }).collect())
}

/// Returns previous versions of a room's messages that may mention the user.
pub async fn previous_versions(connection: &mut MySqlConnection, room: RoomId, pattern: &str) -> Result<Vec<NamedText>> {
    let rows = sqlx::query!(
        "select seq, version, content from message_edits where room_id = ? and content like ? escape '|'",
        room.0,
        pattern,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NamedText { seq: Seq(row.seq), version: row.version, content: row.content, is_actor: false })
        .collect())
}

/// Replaces a text, as a change of the room with this `rev`.
pub async fn rewrite(transaction: &mut MySqlConnection, room: RoomId, text: &NamedText, rev: Rev) -> Result<()> {
    if text.version == 0 {
        sqlx::query!(
            "update messages set content = ?, rev = ? where room_id = ? and seq = ?",
            text.content,
            rev.0,
            room.0,
            text.seq.0,
        )
        .execute(transaction)
        .await?;
    } else {
        sqlx::query!(
            "update message_edits set content = ? where room_id = ? and seq = ? and version = ?",
            text.content,
            room.0,
            text.seq.0,
            text.version,
        )
        .execute(transaction)
        .await?;
    }
    Ok(())
}

/// Removes the user from a message's mentions.
pub async fn unmention(transaction: &mut MySqlConnection, room: RoomId, seq: Seq, user: UserId) -> Result<()> {
    sqlx::query!(
        r#"
        update messages
        set mentions = trim(both ',' from replace(concat(',', mentions, ','), concat(',', ?, ','), ','))
        where room_id = ? and seq = ?
        "#,
        user.to_string(),
        room.0,
        seq.0,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!("delete from mentions where user_id = ? and room_id = ? and seq = ?", user.0, room.0, seq.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Deletes a batch of the user's client ids and receipts in a room. Returns false when none are left.
pub async fn delete_client_ids_and_receipts(connection: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<bool> {
    let keys = sqlx::query!(
        "update messages set client_id = null where room_id = ? and sender_id = ? and client_id is not null limit 2000",
        room.0,
        user.0,
    )
    .execute(&mut *connection)
    .await?;
    let acts = sqlx::query!("delete from receipts where room_id = ? and user_id = ? limit 2000", room.0, user.0)
        .execute(connection)
        .await?;
    Ok(keys.rows_affected().max(acts.rows_affected()) >= 2000)
}

/// Returns a room with a forwarded message by the user, if one is left.
pub async fn find_forwarding_room(connection: &mut MySqlConnection, user: UserId) -> Result<Option<RoomId>> {
    let room = sqlx::query_scalar!("select room_id from forwards where user_id = ? order by room_id limit 1", user.0)
        .fetch_optional(connection)
        .await?;
    Ok(room.map(RoomId))
}

/// Removes the user's name from a batch of forwarded messages of a room, whose row the transaction locks, with the room's next `rev`.
pub async fn redact_forwards(transaction: &mut MySqlConnection, room: RoomId, user: UserId, rev: Rev) -> Result<()> {
    let seqs = sqlx::query_scalar!("select seq from forwards where user_id = ? and room_id = ? limit 500", user.0, room.0)
        .fetch_all(&mut *transaction)
        .await?;
    for seq in seqs {
        sqlx::query!(
            r#"
            update messages
            set forwarded_username = if(forwarded_username is null, null, ?), rev = ?
            where room_id = ? and seq = ?
            "#,
            DELETED_USER,
            rev.0,
            room.0,
            seq,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!("delete from forwards where room_id = ? and seq = ?", room.0, seq).execute(&mut *transaction).await?;
    }
    Ok(())
}

/// Returns id and current name of the first author of a message to be forwarded, locked against erasure.
pub async fn lock_author(transaction: &mut MySqlConnection, message: MessageRef) -> Result<Option<(UserId, String)>> {
    let row = sqlx::query!(
        r#"
        select u.id, u.username
        from users u
        where u.id = (select coalesce(f.user_id, m.sender_id)
                      from messages m
                      left join forwards f on f.room_id = m.room_id and f.seq = m.seq
                      where m.room_id = ? and m.seq = ?)
        for update
        "#,
        message.room.0,
        message.seq.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| (UserId(row.id), row.username)))
}

/// Records the first author of a forwarded message.
pub async fn insert_forward(transaction: &mut MySqlConnection, message: MessageRef, writer: UserId) -> Result<()> {
    sqlx::query!("insert into forwards (room_id, seq, user_id) values (?, ?, ?)", message.room.0, message.seq.0, writer.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Deletes the record of a forwarded message that is unsent.
pub async fn delete_forward(transaction: &mut MySqlConnection, message: MessageRef) -> Result<()> {
    sqlx::query!("delete from forwards where room_id = ? and seq = ?", message.room.0, message.seq.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Stores a room's new `rev`.
pub async fn set_rev(transaction: &mut MySqlConnection, room: RoomId, rev: Rev, now: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set rev = ?, changed_at = greatest(changed_at, ?) where id = ?", rev.0, now.0, room.0)
        .execute(transaction)
        .await?;
    Ok(())
}
