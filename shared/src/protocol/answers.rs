//! The answers to actions: `ack` and `error`.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::id::{MessageId, Rev, RoomId, Seq};
use crate::protocol::action_docs::FrameId;

/// The successful response to an action.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Ack {
    /// The `id` of the client's frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FrameId>)]
    pub id: Option<Box<RawValue>>,
    /// The room of the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// The message's `seq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub seq: Option<Seq>,
    /// The room's revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub rev: Option<Rev>,
    /// The message's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The sender's `client_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// The error response to an action.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Refusal {
    /// The `id` of the client's frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FrameId>)]
    pub id: Option<Box<RawValue>>,
    /// The sender's `client_id`, if the action had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// A stable snake_case code.
    pub code: &'static str,
    /// An explanation for people.
    pub detail: String,
    /// The id to quote in problem reports.
    pub request_id: String,
    /// Seconds until a retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}
