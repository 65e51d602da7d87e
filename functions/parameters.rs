//! Parameters of several routes, each documented once: paths, headers and the page of a list.

use serde::Deserialize;
use shared::domain::messages::MessageAddress;
use shared::domain::paging::PageRequest;
use shared::domain::rooms::members::MemberRef;
use shared::id::{MessageId, ReportId, RoomRef, Seq, UploadId, UserId};
use utoipa::IntoParams;

/// A room.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RoomPath {
    /// `7`, `room-7` or a slug
    #[param(value_type = String, example = "general")]
    pub room_id: RoomRef,
}

/// A message of a room.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MessagePath {
    /// `7`, `room-7` or a slug
    #[param(value_type = String, example = "general")]
    pub room_id: RoomRef,
    /// The message's `seq`
    #[param(value_type = u64, example = 42)]
    pub seq: Seq,
}

impl MessagePath {
    pub(crate) fn address(&self) -> MessageAddress<'_> {
        MessageAddress { room: &self.room_id, seq: self.seq }
    }
}

/// A user in a room.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MemberPath {
    /// `7`, `room-7` or a slug
    #[param(value_type = String, example = "general")]
    pub room_id: RoomRef,
    /// The user's id
    #[param(value_type = u64, example = 7)]
    pub user_id: UserId,
}

impl MemberPath {
    pub(crate) fn member(&self) -> MemberRef<'_> {
        MemberRef { room: &self.room_id, user: self.user_id }
    }
}

/// A report in a room.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RoomReportPath {
    /// `7`, `room-7` or a slug
    #[param(value_type = String, example = "general")]
    pub room_id: RoomRef,
    /// The report's id
    #[param(value_type = u64, example = 7)]
    pub report_id: ReportId,
}

/// A user.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserPath {
    /// The user's id
    #[param(value_type = u64, example = 7)]
    pub user_id: UserId,
}

/// A report.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ReportPath {
    /// The report's id
    #[param(value_type = u64, example = 7)]
    pub report_id: ReportId,
}

/// An upload.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UploadPath {
    /// The upload's id
    #[param(value_type = u64, example = 5)]
    pub upload_id: UploadId,
}

/// A room in legacy routes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct LegacyRoomPath {
    /// `7`, `room-7` or a slug
    #[serde(rename = "conversationId")]
    #[param(value_type = String, example = "1")]
    pub room: RoomRef,
}

/// A message in legacy routes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct LegacyMessagePath {
    /// The message's `id`
    #[serde(rename = "messageId")]
    #[param(value_type = u64, example = 9001)]
    pub message: MessageId,
}

/// Documents the header of [`KeyedBody`](shared::edge::extract::KeyedBody).
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyHeader {
    /// A unique key of this request, stored for a day
    #[param(rename = "idempotency-key", min_length = 1, max_length = 255)]
    pub key: Option<String>,
}

/// Documents the header of [`IdempotencyKey`](shared::edge::extract::IdempotencyKey).
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct ClientIdHeader {
    /// An alternative to `client_id`
    #[param(rename = "idempotency-key", min_length = 1, max_length = 64)]
    pub key: Option<String>,
}

/// Selects a page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The `next` value of the previous page.
    pub cursor: Option<String>,
    /// Page size, 1 to 100. A larger one counts as 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
}

impl PageQuery {
    /// The requested page.
    pub(crate) fn page(&self) -> PageRequest<'_> {
        PageRequest { cursor: self.cursor.as_deref(), limit: self.limit }
    }
}
