//! Where texts name a person who is being erased: lines of the system, mentions, earlier texts, messages that were passed on.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::store::erasure::ERASED;
use crate::time::Timestamp;

/// A text that may name them.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its place in the room.
    pub seq: u64,
    /// Which of the earlier texts of its message it is; 0 is the present one.
    pub version: u32,
    /// The text.
    pub content: String,
    /// Whether they did what a line of the system tells.
    pub theirs: bool,
}

/// Lines of the system between two places of a room that they are part of.
pub async fn lines(
    connection: &mut MySqlConnection,
    room: RoomId,
    (first, last): (u64, u64),
    (user, pattern): (UserId, &str),
) -> Result<Vec<Trace>> {
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
        first,
        last,
        user.0,
        pattern,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| Trace { seq: row.seq, version: 0, content: row.content, theirs: row.theirs }).collect())
}

/// Messages of a room that mention them, a part of them at a time.
pub async fn mentions(connection: &mut MySqlConnection, room: RoomId, user: UserId, limit: u32) -> Result<Vec<Trace>> {
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
    Ok(rows.into_iter().map(|row| Trace { seq: row.seq, version: 0, content: row.content, theirs: false }).collect())
}

/// Earlier texts of a room's messages that may mention them.
pub async fn earlier(connection: &mut MySqlConnection, room: RoomId, pattern: &str) -> Result<Vec<Trace>> {
    let rows = sqlx::query!(
        "select seq, version, content from message_edits where room_id = ? and content like ? escape '|'",
        room.0,
        pattern,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| Trace { seq: row.seq, version: row.version, content: row.content, theirs: false }).collect())
}

/// Replaces the text of a message, as a change of its room that carries this `rev`.
pub async fn rewrite(transaction: &mut MySqlConnection, room: RoomId, trace: &Trace, rev: u64) -> Result<()> {
    if trace.version == 0 {
        sqlx::query!(
            "update messages set content = ?, rev = ? where room_id = ? and seq = ?",
            trace.content,
            rev,
            room.0,
            trace.seq,
        )
        .execute(transaction)
        .await?;
    } else {
        sqlx::query!(
            "update message_edits set content = ? where room_id = ? and seq = ? and version = ?",
            trace.content,
            room.0,
            trace.seq,
            trace.version,
        )
        .execute(transaction)
        .await?;
    }
    Ok(())
}

/// Takes them off the list of those whom a message mentions.
pub async fn unmention(transaction: &mut MySqlConnection, room: RoomId, seq: u64, user: UserId) -> Result<()> {
    sqlx::query!(
        r#"
        update messages
        set mentions = trim(both ',' from replace(concat(',', mentions, ','), concat(',', ?, ','), ','))
        where room_id = ? and seq = ?
        "#,
        user.to_string(),
        room.0,
        seq,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!("delete from mentions where user_id = ? and room_id = ? and seq = ?", user.0, room.0, seq)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Takes a part of the keys that they gave their messages, and of their acts of reading, out of a room. False when none are left.
pub async fn forget_marks(connection: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<bool> {
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

/// A room that has words of theirs which somebody passed on, if there still is one.
pub async fn passed_on(connection: &mut MySqlConnection, user: UserId) -> Result<Option<RoomId>> {
    let room = sqlx::query_scalar!("select room_id from forwards where user_id = ? order by room_id limit 1", user.0)
        .fetch_optional(connection)
        .await?;
    Ok(room.map(RoomId))
}

/// Takes their name off messages of a room, whose row the transaction holds, that pass their words on: a part of them, with the room's next `rev`.
pub async fn unname(transaction: &mut MySqlConnection, room: RoomId, user: UserId, rev: u64) -> Result<()> {
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
            ERASED,
            rev,
            room.0,
            seq,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!("delete from forwards where room_id = ? and seq = ?", room.0, seq).execute(&mut *transaction).await?;
    }
    Ok(())
}

/// Whose words a message has that is passed on: their number and present name, held so that they are not erased meanwhile.
pub async fn writer(transaction: &mut MySqlConnection, place: (RoomId, u64)) -> Result<Option<(UserId, String)>> {
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
        place.0.0,
        place.1,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| (UserId(row.id), row.username)))
}

/// Notes whose words a message passes on.
pub async fn note(transaction: &mut MySqlConnection, place: (RoomId, u64), writer: UserId) -> Result<()> {
    sqlx::query!("insert into forwards (room_id, seq, user_id) values (?, ?, ?)", place.0.0, place.1, writer.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Forgets whose words a message passed on: it was unsent.
pub async fn forget(transaction: &mut MySqlConnection, place: (RoomId, u64)) -> Result<()> {
    sqlx::query!("delete from forwards where room_id = ? and seq = ?", place.0.0, place.1).execute(transaction).await?;
    Ok(())
}

/// Writes that texts of a room changed with this `rev`.
pub async fn changed(transaction: &mut MySqlConnection, room: RoomId, rev: u64, now: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set rev = ?, changed_at = greatest(changed_at, ?) where id = ?", rev, now.0, room.0)
        .execute(transaction)
        .await?;
    Ok(())
}
