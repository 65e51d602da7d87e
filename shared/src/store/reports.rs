//! Messages that somebody found wrong, for the room's admins. One report per person and message.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ReportId, UserId};
use crate::protocol::reports::Report;
use crate::store::members::{Member, Readable};
use crate::time::Timestamp;

/// Keeps a report; a second one of the same person and message leaves the first as it is.
pub async fn insert(connection: &mut MySqlConnection, reader: &Readable, seq: u64, reason: &str, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        insert into reports (room_id, seq, reporter_id, reason, created_at) values (?, ?, ?, ?, ?)
        on duplicate key update created_at = created_at
        "#,
        reader.room().0,
        seq,
        reader.user().0,
        reason,
        now.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of the open reports of the member's room, oldest first, after `after`.
pub async fn list(connection: &mut MySqlConnection, member: &Member, after: u64, limit: u32) -> Result<Vec<Report>> {
    let rows = sqlx::query!(
        r#"
        select p.id, p.seq, p.reporter_id, p.reason, p.created_at, ru.username as "reporter?",
               m.sender_id as "sender_id?", m.content as "content?", su.username as "sender?"
        from reports p
        left join users ru on ru.id = p.reporter_id
        left join messages m on m.room_id = p.room_id and m.seq = p.seq
        left join users su on su.id = m.sender_id
        where p.room_id = ? and p.closed_at is null and p.id > ?
        order by p.id
        limit ?
        "#,
        member.room().0,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Report {
            id: ReportId(row.id),
            room_id: member.room(),
            seq: row.seq,
            reporter_id: UserId(row.reporter_id),
            reporter: row.reporter,
            reason: row.reason,
            sender_id: row.sender_id.map(UserId),
            sender: row.sender,
            content: row.content.unwrap_or_default(),
            created_at: Timestamp(row.created_at),
        })
        .collect())
}

/// Closes a report; closing it twice changes nothing. False when the member's room has no such one.
pub async fn close(connection: &mut MySqlConnection, member: &Member, report: ReportId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        update reports set closed_at = coalesce(closed_at, ?), closed_by = coalesce(closed_by, ?)
        where id = ? and room_id = ?
        "#,
        now.0,
        member.user().0,
        report.0,
        member.room().0,
    )
    .execute(connection)
    .await?;
    // Rows found, not rows changed: the driver asks for that.
    Ok(done.rows_affected() == 1)
}
