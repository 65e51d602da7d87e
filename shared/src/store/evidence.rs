//! What was reported, as it was: kept beside the report while that is open, whatever becomes of the message, its writer or its room. The sweep takes
//! what belongs to closed reports.

use serde::{Deserialize, Serialize};
use sqlx::MySqlConnection;

use crate::error::{Error, Result};
use crate::id::{ReportId, RoomId, UploadId};
use crate::protocol::messages::{Attachment, Edit, Message};
use crate::protocol::reports::{attachment_url, small_url};
use crate::store::members::Readable;
use crate::store::{attachments as hung, edits as earlier};
use crate::time::Timestamp;

/// Earlier texts that are kept: the newest, and of those as many as these bytes hold.
const MOST_EDITS: u32 = 200;
const MOST_BYTES: usize = 2_000_000;
/// Closed reports that one look finds.
const AT_ONCE: u32 = 100;

/// An earlier text in its column.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    content: String,
    edited_at: i64,
}

/// What is kept of a report that was closed.
#[derive(Clone, Debug)]
pub struct Closed {
    /// The report.
    pub report: ReportId,
    /// The uploads that show what was reported.
    pub uploads: Vec<UploadId>,
}

/// Texts that are kept of a report.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The report.
    pub report: ReportId,
    /// What the message said.
    pub content: String,
    /// What it had said before, oldest first.
    pub edits: Vec<Edit>,
}

/// Keeps a message as its reporter sees it, whose room the transaction holds.
pub async fn keep(
    transaction: &mut MySqlConnection,
    report: ReportId,
    room: &Readable,
    message: &Message,
    now: Timestamp,
) -> Result<()> {
    let edits = match message.edited_at {
        Some(_) => column(earlier::newest(transaction, room, message.seq, MOST_EDITS).await?)?,
        None => None,
    };
    let attachments = hung::keep(transaction, &message.attachments, now).await?;
    sqlx::query!(
        r#"
        insert into report_evidence (report_id, sender_id, content, attachments, edits, sent_at, edited_at)
        values (?, ?, ?, ?, ?, ?, ?)
        "#,
        report.0,
        message.sender_id.map(|sender| sender.0),
        message.content,
        hung::column(&attachments)?,
        edits,
        message.created_at.0,
        message.edited_at.map(|at| at.0),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// What is kept of some reports that are closed.
pub async fn of_closed(connection: &mut MySqlConnection) -> Result<Vec<Closed>> {
    let rows = sqlx::query!(
        r#"
        select e.report_id, e.attachments
        from report_evidence e
        join reports p on p.id = e.report_id
        where p.closed_at is not null
        order by e.report_id
        limit ?
        "#,
        AT_ONCE,
    )
    .fetch_all(connection)
    .await?;
    let ids = |column: Option<&str>| hung::read(column).into_iter().map(|attachment| attachment.upload_id).collect();
    Ok(rows.into_iter().map(|row| Closed { report: ReportId(row.report_id), uploads: ids(row.attachments.as_deref()) }).collect())
}

/// Forgets what is kept of a closed report: its uploads are doomed first, so that whatever fails in between is found again.
pub async fn forget(connection: &mut MySqlConnection, closed: &Closed, now: Timestamp) -> Result<()> {
    hung::doom_kept(connection, &closed.uploads, now).await?;
    sqlx::query!("delete from report_evidence where report_id = ?", closed.report.0).execute(connection).await?;
    Ok(())
}

/// Kept texts of a room's messages that hold something.
pub async fn texts(connection: &mut MySqlConnection, room: RoomId, pattern: &str) -> Result<Vec<Texts>> {
    let rows = sqlx::query!(
        r#"
        select e.report_id, e.content, e.edits
        from report_evidence e
        join reports p on p.id = e.report_id
        where p.room_id = ? and (e.content like ? escape '|' or e.edits like ? escape '|')
        "#,
        room.0,
        pattern,
        pattern,
    )
    .fetch_all(connection)
    .await?;
    let texts = |edits: Option<String>| self::edits(edits.as_deref());
    Ok(rows
        .into_iter()
        .map(|row| Texts { report: ReportId(row.report_id), content: row.content, edits: texts(row.edits) })
        .collect())
}

/// Replaces kept texts.
pub async fn rewrite(connection: &mut MySqlConnection, texts: &Texts) -> Result<()> {
    sqlx::query!(
        "update report_evidence set content = ?, edits = ? where report_id = ?",
        texts.content,
        column(texts.edits.iter().rev().cloned().collect())?,
        texts.report.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What hangs on a reported message, with the URLs that reviewers fetch it from.
pub(super) fn attachments(report: ReportId, column: Option<&str>) -> Vec<Attachment> {
    let mut kept = hung::read(column);
    for attachment in &mut kept {
        attachment.url = attachment_url(report, attachment.upload_id);
        attachment.thumbnail_url = attachment.thumbnail_url.as_ref().map(|_| small_url(report, attachment.upload_id));
    }
    kept
}

/// The earlier texts in the column. What is not readable is not shown.
pub(super) fn edits(column: Option<&str>) -> Vec<Edit> {
    let stored: Vec<Stored> = column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let shown = |one: Stored| Edit { version: one.version, content: one.content, edited_at: Timestamp(one.edited_at) };
    stored.into_iter().map(shown).collect()
}

/// Earlier texts, newest first, as the column has them: oldest first, as far back as there is room for.
fn column(newest: Vec<Edit>) -> Result<Option<String>> {
    let mut bytes = 0;
    let fits = |edit: &Edit| {
        bytes += edit.content.len();
        bytes <= MOST_BYTES
    };
    let stored = |edit: Edit| Stored { version: edit.version, content: edit.content, edited_at: edit.edited_at.0 };
    let mut kept: Vec<_> = newest.into_iter().take_while(fits).map(stored).collect();
    kept.reverse();
    if kept.is_empty() { Ok(None) } else { serde_json::to_string(&kept).map(Some).map_err(Error::internal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_gives_back_the_newest_texts_oldest_first() {
        let edit = |version, content: &str| Edit { version, content: content.into(), edited_at: Timestamp(7) };
        let text = column(vec![edit(2, "b \"ü\""), edit(1, "a")]).expect("writes");
        assert_eq!(edits(text.as_deref()), [edit(1, "a"), edit(2, "b \"ü\"")]);
        let long = "x".repeat(MOST_BYTES - 1);
        let text = column(vec![edit(3, "c"), edit(2, &long), edit(1, "a")]).expect("writes");
        assert_eq!(edits(text.as_deref()), [edit(2, &long), edit(3, "c")]);
        assert_eq!((column(Vec::new()).expect("writes"), edits(Some("{}"))), (None, Vec::new()));
    }
}
