//! Reported messages, for the room's admins and for operators. One report per user and message.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ReportId, RoomId, Seq, UserId};
use crate::protocol::reports::{OpenReport, Report};
use crate::store::audit::Operator;
use crate::store::members::{Membership, Readable};
use crate::store::report_evidence;
use crate::time::Timestamp;

/// Proof of the right to review a report.
#[derive(Clone, Debug)]
pub enum Reviewer {
    /// An admin of the room.
    Moderator(Membership),
    Operator(Operator),
}

/// Selects reports with the messages as they were when reported, as [`ReportRow`]s; the tail picks which. Evidence of closed reports is not read.
macro_rules! select_reports {
    ($tail:literal $(+ $more:literal)*, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            crate::store::reports::ReportRow,
            r#"
            select p.id, p.room_id, p.seq, p.reporter_id, p.reason, p.created_at, p.closed_at, p.closed_by,
                   ru.username as "reporter?", coalesce(e.sender_id, m.sender_id) as "sender_id?: u64", su.username as "sender?",
                   e.report_id is not null as "kept!: bool", e.content as "kept_content?", e.attachments as "kept_attachments?",
                   e.edits as "kept_edits?", e.edited_at as "kept_edited_at?", coalesce(e.sent_at, m.created_at) as "sent_at?: i64",
                   m.content as "content?", m.edited_at as "edited_at?", m.deleted_at as "deleted_at?"
            from reports p
            left join users ru on ru.id = p.reporter_id
            left join report_evidence e on e.report_id = p.id and p.closed_at is null
            left join messages m on m.room_id = p.room_id and m.seq = p.seq
            left join users su on su.id = coalesce(e.sender_id, m.sender_id)
            "# + $tail $(+ $more)*,
            $($value),*
        )
    };
}
pub(super) use select_reports;

/// The same for a moderator of the room. Reports of their own messages are for others; reports from before all present members joined, which are
/// those of an abandoned room, are for operators.
macro_rules! select_moderated {
    ($tail:literal, $member:expr, $($value:expr),* $(,)?) => {
        select_reports!(
            r#"
            where p.room_id = ? and coalesce(e.sender_id, m.sender_id, 0) <> ?
              and exists (select 1 from members o where o.room_id = p.room_id and o.state = 'joined' and o.joined_at <= p.created_at)
              and
            "# + $tail,
            $member.room().0,
            $member.user().0,
            $($value),*
        )
    };
}

pub(super) struct ReportRow {
    pub(super) id: u64,
    pub(super) room_id: u64,
    pub(super) seq: Seq,
    pub(super) reporter_id: u64,
    pub(super) reason: String,
    pub(super) created_at: i64,
    pub(super) closed_at: Option<i64>,
    pub(super) closed_by: Option<u64>,
    pub(super) reporter: Option<String>,
    pub(super) sender_id: Option<u64>,
    pub(super) sender: Option<String>,
    pub(super) kept: bool,
    pub(super) kept_content: Option<String>,
    pub(super) kept_attachments: Option<String>,
    pub(super) kept_edits: Option<String>,
    pub(super) kept_edited_at: Option<i64>,
    pub(super) sent_at: Option<i64>,
    pub(super) content: Option<String>,
    pub(super) edited_at: Option<i64>,
    pub(super) deleted_at: Option<i64>,
}

impl ReportRow {
    pub(super) fn report(self) -> Report {
        let id = ReportId(self.id);
        let (content, edited_at) =
            if self.kept { (self.kept_content, self.kept_edited_at) } else { (self.content, self.edited_at) };
        Report {
            id,
            room_id: RoomId(self.room_id),
            seq: self.seq,
            reporter_id: UserId(self.reporter_id),
            reporter: self.reporter,
            reason: self.reason,
            sender_id: self.sender_id.map(UserId),
            sender: self.sender,
            content: content.unwrap_or_default(),
            kept: self.kept,
            attachments: report_evidence::attachments(id, self.kept_attachments.as_deref()),
            sent_at: self.sent_at.map(Timestamp),
            edited_at: edited_at.map(Timestamp),
            deleted_at: self.deleted_at.map(Timestamp),
            created_at: Timestamp(self.created_at),
        }
    }
}

/// Stores a report. Returns none when the same user has already reported the message.
pub async fn insert(
    connection: &mut MySqlConnection,
    reader: &Readable,
    seq: Seq,
    reason: &str,
    now: Timestamp,
) -> Result<Option<ReportId>> {
    let inserted = sqlx::query!(
        "insert ignore into reports (room_id, seq, reporter_id, reason, created_at) values (?, ?, ?, ?, ?)",
        reader.room().0,
        seq.0,
        reader.user().0,
        reason,
        now.0,
    )
    .execute(connection)
    .await?;
    Ok((inserted.rows_affected() == 1).then(|| ReportId(inserted.last_insert_id())))
}

/// Returns a page of the room's open reports that the member may review, after `after`, oldest first.
pub async fn list(connection: &mut MySqlConnection, member: &Membership, after: u64, limit: u32) -> Result<Vec<Report>> {
    let rows = select_moderated!("p.closed_at is null and p.id > ? order by p.id limit ?", member, after, limit)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(ReportRow::report).collect())
}

/// Returns the room of an open report.
pub async fn room_of(connection: &mut MySqlConnection, report: ReportId) -> Result<Option<RoomId>> {
    let room = sqlx::query_scalar!("select room_id from reports where id = ? and closed_at is null", report.0);
    Ok(room.fetch_optional(connection).await?.map(RoomId))
}

/// Returns an open report: one that the moderator may review, or any for an operator.
pub async fn find(connection: &mut MySqlConnection, by: &Reviewer, report: ReportId) -> Result<Option<OpenReport>> {
    let row = match by {
        Reviewer::Moderator(member) => {
            select_moderated!("p.id = ? and p.closed_at is null", member, report.0).fetch_optional(connection).await?
        }
        Reviewer::Operator(_) => {
            select_reports!("where p.id = ? and p.closed_at is null", report.0).fetch_optional(connection).await?
        }
    };
    Ok(row.map(|mut row| {
        let edits = row.kept_edits.take();
        OpenReport { edits: report_evidence::edits(edits.as_deref()), report: row.report() }
    }))
}

/// Closes a report. Idempotent. Returns false when there is none that the member may review.
pub async fn close(connection: &mut MySqlConnection, member: &Membership, report: ReportId, now: Timestamp) -> Result<bool> {
    if select_moderated!("p.id = ?", member, report.0).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(false);
    }
    sqlx::query!(
        "update reports set closed_at = coalesce(closed_at, ?), closed_by = coalesce(closed_by, ?) where id = ?",
        now.0,
        member.user().0,
        report.0,
    )
    .execute(connection)
    .await?;
    Ok(true)
}
