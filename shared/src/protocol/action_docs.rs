//! The documentation of an action, and that of the legacy form of `send`.

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::id::RoomRef;

/// A documented action.
pub struct Verb {
    /// The value of `action`.
    pub name: &'static str,
    /// The description.
    pub about: &'static str,
    /// The frames that answer it, besides `error`.
    pub answers: &'static [&'static str],
    /// The schema of the fields besides `action` and `id`.
    pub shape: fn() -> RefOr<Schema>,
    /// The schemas that `shape` refers to.
    pub schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
    /// Example frames, the canonical form first.
    pub examples: &'static [&'static str],
}

/// The client's id of a frame, echoed in the response. At most 80 characters as JSON; other values are ignored and not echoed.
#[derive(ToSchema)]
#[schema(as = Called, examples("c1", 1))]
#[serde(untagged)]
pub enum FrameId {
    /// A string.
    Text(String),
    /// A number.
    Number(i64),
}

/// The value of `data`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the frame; `incoming` rewrites it as `send`")]
enum OlderFields {
    /// The text.
    Text(String),
    /// The fields of a message.
    Fields {
        /// The room; also accepted as `roomId`, `conversation_id` and `conversationId`.
        room_id: Option<RoomRef>,
        /// The text.
        content: Option<String>,
        /// The URL of a file: an upload of this server is attached, any other URL becomes part of the text.
        file_url: Option<String>,
    },
}

/// A message in the form of legacy clients. Also accepts all fields of `send`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the frame; `incoming` rewrites it as `send`")]
struct OlderSend {
    /// `sendmessage` when there is no `type`. Both are optional with `content`.
    action: Option<String>,
    /// `message`.
    r#type: Option<String>,
    /// The text, or an object with `room_id`, `content` and `file_url`.
    data: Option<OlderFields>,
    /// The text.
    content: Option<String>,
}

/// The name of the legacy form of `send`, whose frames need no `action`.
pub const LEGACY: &str = "message";

/// The legacy form of `send`.
pub(super) const LEGACY_SEND: Verb = Verb {
    name: LEGACY,
    about: "Sends a message in the form of legacy clients.",
    answers: &["ack"],
    shape: <OlderSend as PartialSchema>::schema,
    schemas: <OlderSend as ToSchema>::schemas,
    examples: &[
        r#"{"content":"Your message here"}"#,
        r#"{"type":"message","data":{"room_id":"room-123","content":"Hello world!","file_url":"https://cloudinary.com/file.jpg"}}"#,
        r#"{"type":"message","data":"Hello, world!"}"#,
        r#"{"action":"sendmessage","data":"Hello, world!"}"#,
    ],
};
