//! Reports of messages, as admins of a room and operators see them.

use serde::{Deserialize, Serialize};

use crate::id::{ReportId, RoomId, UploadId, UserId};
use crate::protocol::messages::{Attachment, Edit};
use crate::time::Timestamp;

/// Body of `POST /api/rooms/{room_id}/messages/{seq}/report`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewReport {
    /// The reason, at most 500 characters.
    #[schema(example = "Spam", max_length = 500)]
    pub reason: Option<String>,
}

/// A reported message. An open report preserves the message as it was reported, whatever happens to it afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// The report's id.
    pub id: ReportId,
    /// The room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(example = 42)]
    pub seq: u64,
    /// The user who reported it.
    pub reporter_id: UserId,
    /// The reporter's username.
    pub reporter: Option<String>,
    /// The reason; empty if none was given.
    pub reason: String,
    /// The sender of the message.
    pub sender_id: Option<UserId>,
    /// The sender's username.
    pub sender: Option<String>,
    /// The text: as reported while `kept` is true, otherwise the current one, which is empty after unsending.
    pub content: String,
    /// Whether the reported version is preserved: from the report until it is closed.
    pub kept: bool,
    /// Attachments as reported; their URLs work for everyone who may see the report.
    pub attachments: Vec<Attachment>,
    /// When the message was sent.
    pub sent_at: Option<Timestamp>,
    /// When the reported version was last edited.
    pub edited_at: Option<Timestamp>,
    /// When the message was unsent after the report.
    pub deleted_at: Option<Timestamp>,
    /// When the message was reported.
    pub created_at: Timestamp,
}

/// An open report with everything that is preserved of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OpenReport {
    /// The report as in lists.
    #[serde(flatten)]
    pub report: Report,
    /// Earlier texts of the message, oldest first: the latest 200, up to 2 MB.
    pub edits: Vec<Edit>,
}

/// The URL of an attachment of a reported message.
pub fn attachment_url(report: ReportId, upload: UploadId) -> String {
    format!("/api/reports/{report}/attachments/{upload}")
}

/// The URL of its thumbnail.
pub fn attachment_thumbnail_url(report: ReportId, upload: UploadId) -> String {
    format!("{}?size=small", attachment_url(report, upload))
}
