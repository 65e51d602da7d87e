//! Serialises frames for all dialects: without a subprotocol a message also carries the keys of legacy clients.

use bytes::Bytes;
use serde::Serialize;

use crate::id::MessageId;
use crate::protocol::dialect::Dialect;
use crate::protocol::frames::{Changed, Frame, MAX_FRAME};
use crate::protocol::messages::Message;

impl Frame {
    /// Serialises a frame. A frame above the size limit becomes a hint to fetch the change.
    pub fn encode(&self, dialect: Dialect) -> Bytes {
        let bytes = match (self, dialect) {
            (Self::Message { message, .. }, Dialect::Full) => json(&Older { frame: self, extra: OlderKeys::of(message) }),
            _ => json(self),
        };
        match self.change() {
            Some(Changed { room_id, rev }) if bytes.len() > MAX_FRAME => json(&Self::Room { room_id, rev }),
            _ => bytes,
        }
    }
}

/// A frame with the keys of legacy clients.
#[derive(Serialize)]
struct Older<'a> {
    #[serde(flatten)]
    frame: &'a Frame,
    #[serde(flatten)]
    extra: OlderKeys<'a>,
}

/// Additional keys of a `message` frame, for sockets without a subprotocol.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OlderKeys<'a> {
    /// The message in the form of a `message` frame with `data`.
    data: OlderData<'a>,
    /// The sender's username.
    #[schema(example = "ann")]
    user: Option<&'a str>,
    /// The text.
    #[schema(example = "Hello, world!")]
    message: &'a str,
}

/// The message in the form of a `message` frame with `data`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OlderData<'a> {
    /// The room's id as a string.
    #[schema(example = "7")]
    room_id: String,
    /// The text.
    #[schema(example = "Hello, world!")]
    content: &'a str,
    /// The URL of the first attachment.
    file_url: Option<&'a str>,
    /// The id of the message.
    message_id: MessageId,
}

impl<'a> OlderKeys<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            data: OlderData {
                room_id: message.room_id.to_string(),
                content: &message.content,
                file_url: message.attachments.first().map(|attachment| attachment.url.as_str()),
                message_id: message.id,
            },
            user: message.username.as_deref(),
            message: &message.content,
        }
    }
}

/// Serialising these types cannot fail; an empty frame would fail the tests.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}
