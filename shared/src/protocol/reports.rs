//! Reports of messages, as the admins of a room and operators see them.

use serde::{Deserialize, Serialize};

use crate::id::{ReportId, RoomId, UploadId, UserId};
use crate::protocol::messages::{Attachment, Edit};
use crate::time::Timestamp;

/// Body of `POST /api/rooms/{room_id}/messages/{seq}/report`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewReport {
    /// Why, at most 500 characters.
    #[schema(example = "Spam", max_length = 500)]
    pub reason: Option<String>,
}

/// A message that somebody found wrong. While the report is open it is shown as it was when it was reported, whatever became of it since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// The report's id.
    pub id: ReportId,
    /// The room.
    pub room_id: RoomId,
    /// The message's place in it.
    #[schema(example = 42)]
    pub seq: u64,
    /// Who reported it.
    pub reporter_id: UserId,
    /// That person's username.
    pub reporter: Option<String>,
    /// Why; empty when nothing was said.
    pub reason: String,
    /// Who wrote the message.
    pub sender_id: Option<UserId>,
    /// That person's username.
    pub sender: Option<String>,
    /// The message's text: as it was reported, if that is kept, and else as it is now, empty once it is unsent.
    pub content: String,
    /// Whether what was reported is kept: it is from the report on until the report is closed.
    pub kept: bool,
    /// Pictures and files as they were reported; their URLs work for whoever may see the report.
    pub attachments: Vec<Attachment>,
    /// When the message was sent.
    pub sent_at: Option<Timestamp>,
    /// When it had last been edited by then.
    pub edited_at: Option<Timestamp>,
    /// When it was unsent since, if it was.
    pub deleted_at: Option<Timestamp>,
    /// When it was reported.
    pub created_at: Timestamp,
}

/// An open report with all that is kept of its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OpenReport {
    /// What lists tell, too.
    #[serde(flatten)]
    pub report: Report,
    /// The texts that the message had had before, oldest first: the newest 200, and of those as many as 2 MB hold.
    pub edits: Vec<Edit>,
}

/// Where a picture or file of a reported message is, for whoever may see the report.
pub fn attachment_url(report: ReportId, upload: UploadId) -> String {
    format!("/api/reports/{report}/attachments/{upload}")
}

/// Where its small version is.
pub fn small_url(report: ReportId, upload: UploadId) -> String {
    format!("{}?size=small", attachment_url(report, upload))
}
