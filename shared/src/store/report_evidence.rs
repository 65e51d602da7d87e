//! Copies of reported messages, kept while the report is open, whatever happens to message, sender or room. The sweep deletes those of closed
//! reports.

use serde::{Deserialize, Serialize};
use sqlx::MySqlConnection;

use crate::error::{Error, Result};
use crate::id::{ReportId, RoomId, UploadId, UserId};
use crate::protocol::messages::{Attachment, Edit, Message};
use crate::protocol::reports::{attachment_thumbnail_url, attachment_url};
use crate::store::members::Readable;
use crate::store::{attachments as attachment_columns, edits as versions};
use crate::time::Timestamp;

/// Previous versions kept per report: the latest, within both limits.
const MAX_EDITS: u32 = 200;
const MAX_EDIT_BYTES: usize = 2_000_000;
/// Bytes of files kept for one reporter's open reports. Evidence counts towards no quota, so that no writer learns of a report.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// Closed reports per query.
const BATCH: u32 = 100;

/// A previous version as its column stores it.
#[derive(Serialize, Deserialize)]
struct StoredEdit {
    version: u32,
    content: String,
    edited_at: i64,
}

/// Evidence of a closed report.
#[derive(Clone, Debug)]
pub struct ClosedEvidence {
    pub report: ReportId,
    /// Copies of the message's uploads.
    pub uploads: Vec<UploadId>,
}

/// Texts kept for a report.
#[derive(Clone, Debug)]
pub struct EvidenceTexts {
    pub report: ReportId,
    pub content: String,
    /// Previous versions, oldest first.
    pub edits: Vec<Edit>,
}

/// Keeps a message as its reporter sees it: without files if they wrote it, or if their reports already keep as much as they may. The transaction
/// locks the room.
pub async fn insert(
    transaction: &mut MySqlConnection,
    report: ReportId,
    room: &Readable,
    message: &Message,
    now: Timestamp,
) -> Result<()> {
    let edits = match message.edited_at {
        Some(_) => column(versions::newest(transaction, room, message.seq, MAX_EDITS).await?)?,
        None => None,
    };
    let size = message.attachments.iter().map(|attachment| attachment.size).sum::<u64>();
    let fits = size > 0
        && message.sender_id != Some(room.user())
        && kept_bytes(transaction, room.user()).await?.saturating_add(size) <= MAX_FILE_BYTES;
    let attachments = if fits { &message.attachments[..] } else { &[] };
    let attachments = attachment_columns::copy_for_report(transaction, attachments, now).await?;
    sqlx::query!(
        r#"
        insert into report_evidence (report_id, sender_id, content, attachments, edits, sent_at, edited_at)
        values (?, ?, ?, ?, ?, ?, ?)
        "#,
        report.0,
        message.sender_id.map(|sender| sender.0),
        message.content,
        attachment_columns::column(&attachments)?,
        edits,
        message.created_at.0,
        message.edited_at.map(|at| at.0),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Sums the files kept for a user's open reports.
async fn kept_bytes(connection: &mut MySqlConnection, reporter: UserId) -> Result<u64> {
    let kept = sqlx::query_scalar!(
        r#"
        select e.attachments as "attachments!"
        from reports p
        join report_evidence e on e.report_id = p.id
        where p.reporter_id = ? and p.closed_at is null and e.attachments is not null
        "#,
        reporter.0,
    )
    .fetch_all(connection)
    .await?;
    let size = |column: &String| attachment_columns::read(Some(column)).iter().map(|attachment| attachment.size).sum::<u64>();
    Ok(kept.iter().map(size).sum())
}

/// Returns the evidence of some closed reports.
pub async fn list_closed(connection: &mut MySqlConnection) -> Result<Vec<ClosedEvidence>> {
    let rows = sqlx::query!(
        r#"
        select e.report_id, e.attachments
        from report_evidence e
        join reports p on p.id = e.report_id
        where p.closed_at is not null
        order by e.report_id
        limit ?
        "#,
        BATCH,
    )
    .fetch_all(connection)
    .await?;
    let ids =
        |column: Option<&str>| attachment_columns::read(column).into_iter().map(|attachment| attachment.upload_id).collect();
    Ok(rows
        .into_iter()
        .map(|row| ClosedEvidence { report: ReportId(row.report_id), uploads: ids(row.attachments.as_deref()) })
        .collect())
}

/// Deletes the evidence of a closed report. Marks its uploads first, so that a failure in between is retried.
pub async fn delete(connection: &mut MySqlConnection, closed: &ClosedEvidence, now: Timestamp) -> Result<()> {
    attachment_columns::mark_copies_for_deletion(connection, &closed.uploads, now).await?;
    sqlx::query!("delete from report_evidence where report_id = ?", closed.report.0).execute(connection).await?;
    Ok(())
}

/// Returns texts kept of a room's messages that match a pattern.
pub async fn find_texts(connection: &mut MySqlConnection, room: RoomId, pattern: &str) -> Result<Vec<EvidenceTexts>> {
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
        .map(|row| EvidenceTexts { report: ReportId(row.report_id), content: row.content, edits: texts(row.edits) })
        .collect())
}

pub async fn update_texts(connection: &mut MySqlConnection, texts: &EvidenceTexts) -> Result<()> {
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

/// Returns the attachments of a reported message, with URLs for reviewers.
pub(super) fn attachments(report: ReportId, column: Option<&str>) -> Vec<Attachment> {
    let mut kept = attachment_columns::read(column);
    for attachment in &mut kept {
        attachment.url = attachment_url(report, attachment.upload_id);
        attachment.thumbnail_url =
            attachment.thumbnail_url.as_ref().map(|_| attachment_thumbnail_url(report, attachment.upload_id));
    }
    kept
}

/// Decodes previous versions. Returns none when the column is unreadable.
pub(super) fn edits(column: Option<&str>) -> Vec<Edit> {
    let stored: Vec<StoredEdit> = column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let edit = |one: StoredEdit| Edit { version: one.version, content: one.content, edited_at: Timestamp(one.edited_at) };
    stored.into_iter().map(edit).collect()
}

/// Encodes previous versions, given newest first, as oldest first; drops the oldest beyond the limit.
fn column(newest: Vec<Edit>) -> Result<Option<String>> {
    let mut bytes = 0;
    let fits = |edit: &Edit| {
        bytes += edit.content.len();
        bytes <= MAX_EDIT_BYTES
    };
    let stored = |edit: Edit| StoredEdit { version: edit.version, content: edit.content, edited_at: edit.edited_at.0 };
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
        let long = "x".repeat(MAX_EDIT_BYTES - 1);
        let text = column(vec![edit(3, "c"), edit(2, &long), edit(1, "a")]).expect("writes");
        assert_eq!(edits(text.as_deref()), [edit(2, &long), edit(3, "c")]);
        assert_eq!((column(Vec::new()).expect("writes"), edits(Some("{}"))), (None, Vec::new()));
    }
}
