//! Reports of messages, as the admins of a room see them.

use serde::{Deserialize, Serialize};

use crate::id::{ReportId, RoomId, UserId};
use crate::time::Timestamp;

/// Body of `POST /api/rooms/{room_id}/messages/{seq}/report`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewReport {
    /// Why, at most 500 characters.
    #[schema(example = "Spam", max_length = 500)]
    pub reason: Option<String>,
}

/// A message that somebody found wrong.
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
    /// The message's text as it is now; empty once it is unsent.
    pub content: String,
    /// When it was reported.
    pub created_at: Timestamp,
}
